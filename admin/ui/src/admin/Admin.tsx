import { lazy, Suspense } from "react";
import { Redirect, Route, Switch } from "wouter";
import { Frame, type Place } from "../app/Frame";
import { useSession } from "../app/session";
import { useText } from "../i18n";
import {
  IconArchive,
  IconArrowForwardUp,
  IconAsterisk,
  IconCalendarEvent,
  IconDeviceLandlinePhone,
  IconGitMerge,
  IconHandGrab,
  IconHash,
  IconHistory,
  IconHome,
  IconLicense,
  IconPhoneCall,
  IconReportAnalytics,
  IconRouter,
  IconServer,
  IconShieldLock,
  IconTransfer,
  IconUserQuestion,
  IconUsers,
  IconUsersGroup,
} from "../parts/icons";
import { NotFound } from "../parts/NotFound";
import { Loading } from "../parts/States";

const Banner = lazy(() => import("./licence/Banner"));
const Licence = lazy(() => import("./licence/Licence"));
const Home = lazy(() => import("./home/Home"));
const Records = lazy(() => import("./cdrs/Records"));
const Status = lazy(() => import("./system/Status"));
const Trunks = lazy(() => import("./trunks/Trunks"));
const Backups = lazy(() => import("./backups/Backups"));
const Bans = lazy(() => import("./bans/Bans"));
const Transfer = lazy(() => import("./transfer/Transfer"));
const Audit = lazy(() => import("./audit/Audit"));
const Calendar = lazy(() => import("./calendars/Calendar"));
const Calendars = lazy(() => import("./calendars/Calendars"));
const Codes = lazy(() => import("./codes/Codes"));
const HuntGroup = lazy(() => import("./huntgroups/HuntGroup"));
const HuntGroups = lazy(() => import("./huntgroups/HuntGroups"));
const Rule = lazy(() => import("./rules/Rule"));
const Rules = lazy(() => import("./rules/Rules"));
const Profiles = lazy(() => import("./profiles/Profiles"));
const Profile = lazy(() => import("./profiles/Profile"));
const ProfileOfNumber = lazy(() => import("./profiles/ProfileOfNumber"));
const ForwardingOfNumber = lazy(() => import("./profiles/OfNumber"));
const Record = lazy(() => import("./cdrs/Record"));
const Simulator = lazy(() => import("./simulator/Simulator"));
const NumberPage = lazy(() => import("./numbers/NumberPage"));
const ImportUsers = lazy(() => import("./users/Import"));
const UserPage = lazy(() => import("./users/UserPage"));
const Users = lazy(() => import("./users/Users"));
const Numbers = lazy(() => import("./numbers/Numbers"));
const SlotDoor = lazy(() => import("./slots/SlotDoor"));
const Groups = lazy(() => import("./groups/Groups"));
const GroupPage = lazy(() => import("./groups/GroupPage"));
const PickupGroups = lazy(() => import("./pickupgroups/PickupGroups"));
const PickupGroupPage = lazy(() => import("./pickupgroups/PickupGroupPage"));
const Slots = lazy(() => import("./slots/Slots"));
const Merges = lazy(() => import("./merge/Merges"));
const Merge = lazy(() => import("./merge/Merge"));
const Calls = lazy(() => import("./calls/Calls"));

/** The admin client. Users who may not administer are led to their own. */
export default function Admin() {
  const t = useText();
  const session = useSession();
  if (!session.admin) return <Redirect to="~/" replace />;
  const icon = { size: 18, "aria-hidden": true };
  const places: Place[] = [
    { title: t.frame.home, to: "/", icon: <IconHome {...icon} /> },
    { title: t.frame.calls, to: "/calls", icon: <IconPhoneCall {...icon} /> },
    {
      title: t.frame.administration,
      to: "#administration",
      places: [
        { title: t.frame.users, to: "/users", icon: <IconUsers {...icon} /> },
        { title: t.frame.groups, to: "/groups", icon: <IconUsersGroup {...icon} /> },
        { title: t.frame.pickupgroups, to: "/pickupgroups", icon: <IconHandGrab {...icon} /> },
        { title: t.frame.cdrs, to: "/cdrs", icon: <IconReportAnalytics {...icon} /> },
        { title: t.frame.licence, to: "/licence", icon: <IconLicense {...icon} /> },
        { title: t.frame.numbers, to: "/numbers", icon: <IconHash {...icon} /> },
        { title: t.frame.slots, to: "/slots", icon: <IconDeviceLandlinePhone {...icon} /> },
        { title: t.frame.huntgroups, to: "/huntgroups", icon: <IconUsersGroup {...icon} /> },
        { title: t.frame.merge, to: "/merge", icon: <IconGitMerge {...icon} /> },
      ],
    },
    {
      title: t.frame.forwarding,
      to: "#forwarding",
      places: [
        { title: t.frame.rules, to: "/rules", icon: <IconArrowForwardUp {...icon} /> },
        { title: t.frame.calendars, to: "/calendars", icon: <IconCalendarEvent {...icon} /> },
        { title: t.frame.codes, to: "/codes", icon: <IconAsterisk {...icon} /> },
        { title: t.frame.simulator, to: "/simulator", icon: <IconUserQuestion {...icon} /> },
      ],
    },
    {
      title: t.frame.routes,
      to: "#routes",
      places: [{ title: t.frame.trunks, to: "/trunks", icon: <IconRouter {...icon} /> }],
    },
    {
      title: t.frame.system,
      to: "#system",
      places: [
        { title: t.frame.status, to: "/status", icon: <IconServer {...icon} /> },
        { title: t.frame.audit, to: "/audit", icon: <IconHistory {...icon} /> },
        { title: t.frame.backups, to: "/backups", icon: <IconArchive {...icon} /> },
        { title: t.frame.transfer, to: "/transfer", icon: <IconTransfer {...icon} /> },
        { title: t.frame.bans, to: "/bans", icon: <IconShieldLock {...icon} /> },
      ],
    },
  ];
  return (
    <Frame title={t.frame.adminClient} places={places} admin calls="/calls">
      <Suspense fallback={null}>
        <Banner />
      </Suspense>
      <Suspense fallback={<Loading />}>
        <Switch>
          <Route path="/" component={Home} />
          <Route path="/users" component={Users} />
          <Route path="/cdrs" component={Records} />
          <Route path="/status" component={Status} />
          <Route path="/trunks" component={Trunks} />
          <Route path="/audit" component={Audit} />
          <Route path="/users/:username/profiles" component={Profiles} />
          <Route path="/users/:username/profiles/:id" component={Profile} />
          <Route path="/numbers/:number/profiles/:id" component={ProfileOfNumber} />
          <Route path="/numbers/:number/forwarding" component={ForwardingOfNumber} />
          <Route path="/bans" component={Bans} />
          <Route path="/backups" component={Backups} />
          <Route path="/transfer" component={Transfer} />
          <Route path="/licence" component={Licence} />
          <Route path="/cdrs/:id" component={Record} />
          <Route path="/huntgroups" component={HuntGroups} />
          <Route path="/huntgroups/:id" component={HuntGroup} />
          <Route path="/rules" component={Rules} />
          <Route path="/rules/:id" component={Rule} />
          <Route path="/calendars" component={Calendars} />
          <Route path="/calendars/:id" component={Calendar} />
          <Route path="/codes/:action?" component={Codes} />
          <Route path="/simulator" component={Simulator} />
          <Route path="/numbers" component={Numbers} />
          <Route path="/slots" component={Slots} />
          <Route path="/slots/:id" component={SlotDoor} />
          <Route path="/groups" component={Groups} />
          <Route path="/groups/:name" component={GroupPage} />
          <Route path="/pickupgroups" component={PickupGroups} />
          <Route path="/pickupgroups/:id" component={PickupGroupPage} />
          <Route path="/calls" component={Calls} />
          <Route path="/merge" component={Merges} />
          <Route path="/merge/:id" component={Merge} />
          <Route path="/import/users" component={ImportUsers} />
          <Route path="/users/:username" component={UserPage} />
          <Route path="/numbers/:number" component={NumberPage} />
          <Route component={NotFound} />
        </Switch>
      </Suspense>
    </Frame>
  );
}
