import { lazy, Suspense } from "react";
import { Redirect, Route, Switch } from "wouter";
import { Frame, type Place } from "../app/Frame";
import { useSession } from "../app/session";
import { useText } from "../i18n";
import { IconDeviceLandlinePhone, IconHash, IconHome, IconPhoneCall, IconUserQuestion, IconUsers } from "../parts/icons";
import { NotFound } from "../parts/NotFound";
import { Loading } from "../parts/States";

const Home = lazy(() => import("./home/Home"));
const Record = lazy(() => import("./cdrs/Record"));
const Simulator = lazy(() => import("./simulator/Simulator"));
const NumberPage = lazy(() => import("./numbers/NumberPage"));
const UserPage = lazy(() => import("./users/UserPage"));
const Users = lazy(() => import("./users/Users"));
const Numbers = lazy(() => import("./numbers/Numbers"));
const Slots = lazy(() => import("./slots/Slots"));
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
        { title: t.frame.numbers, to: "/numbers", icon: <IconHash {...icon} /> },
        { title: t.frame.slots, to: "/slots", icon: <IconDeviceLandlinePhone {...icon} /> },
      ],
    },
    {
      title: t.frame.forwarding,
      to: "#forwarding",
      places: [{ title: t.frame.simulator, to: "/simulator", icon: <IconUserQuestion {...icon} /> }],
    },
  ];
  return (
    <Frame title={t.frame.adminClient} places={places} admin calls="/calls">
      <Suspense fallback={<Loading />}>
        <Switch>
          <Route path="/" component={Home} />
          <Route path="/users" component={Users} />
          <Route path="/cdrs/:id" component={Record} />
          <Route path="/simulator" component={Simulator} />
          <Route path="/numbers" component={Numbers} />
          <Route path="/slots" component={Slots} />
          <Route path="/calls" component={Calls} />
          <Route path="/users/:username" component={UserPage} />
          <Route path="/numbers/:number" component={NumberPage} />
          <Route component={NotFound} />
        </Switch>
      </Suspense>
    </Frame>
  );
}
