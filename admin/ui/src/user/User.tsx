import { lazy, Suspense } from "react";
import { Route, Switch } from "wouter";
import { Frame, type Place } from "../app/Frame";
import { useSession } from "../app/session";
import { useTextOf } from "../i18n/room";
import { meRoom } from "../i18n/rooms/me";
import { IconAddressBook, IconDeviceMobile, IconGridDots, IconHome, IconPhone, IconRoute, IconShieldLock } from "../parts/icons";
import { NotFound } from "../parts/NotFound";
import { Loading } from "../parts/States";

const Home = lazy(() => import("./home/Home"));
const Calls = lazy(() => import("./calls/Calls"));
const Colleagues = lazy(() => import("./colleagues/Colleagues"));
const Numbers = lazy(() => import("./numbers/Numbers"));
const NumberPage = lazy(() => import("./numbers/NumberPage"));
const Profiles = lazy(() => import("./profiles/Profiles"));
const ProfilePage = lazy(() => import("./profiles/ProfilePage"));
const Devices = lazy(() => import("./devices/Devices"));
const Security = lazy(() => import("./security/Security"));
const Unlicensed = lazy(() => import("./Unlicensed"));

/** The user client. Voicemail, fax and the browser phone get a place each when the API has them. */
export default function User() {
  const t = useTextOf(meRoom);
  const session = useSession();
  if (session.unlicensed) return <Unlicensed />;
  const icon = { size: 18, "aria-hidden": true };
  const places: Place[] = [
    { title: t.me.home, to: "/", icon: <IconHome {...icon} /> },
    { title: t.me.calls, to: "/calls", icon: <IconPhone {...icon} /> },
    { title: t.me.colleagues, to: "/colleagues", icon: <IconAddressBook {...icon} /> },
    { title: t.me.numbers, to: "/numbers", icon: <IconGridDots {...icon} /> },
    { title: t.me.profiles, to: "/profiles", icon: <IconRoute {...icon} /> },
    { title: t.me.devices, to: "/devices", icon: <IconDeviceMobile {...icon} /> },
    { title: t.me.security, to: "/security", icon: <IconShieldLock {...icon} /> },
  ];
  return (
    <Frame title={t.frame.userClient} places={places} admin={false} calls="/">
      <Suspense fallback={<Loading />}>
        <Switch>
          <Route path="/" component={Home} />
          <Route path="/calls" component={Calls} />
          <Route path="/colleagues" component={Colleagues} />
          <Route path="/numbers" component={Numbers} />
          <Route path="/numbers/:number">{({ number }) => <NumberPage number={number} />}</Route>
          <Route path="/profiles" component={Profiles} />
          <Route path="/profiles/:id">{({ id }) => <ProfilePage id={id} />}</Route>
          <Route path="/devices" component={Devices} />
          <Route path="/security" component={Security} />
          <Route component={NotFound} />
        </Switch>
      </Suspense>
    </Frame>
  );
}
