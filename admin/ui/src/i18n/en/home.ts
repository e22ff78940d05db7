import type { de } from "../de";

export const home: (typeof de)["home"] = {
  title: "Home",
  counts: "Set up",
};
