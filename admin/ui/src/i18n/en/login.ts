import type { de } from "../de";

export const login: (typeof de)["login"] = {
  title: "Log in",
  username: "User name",
  password: "Password",
  submit: "Log in",
  wrong: "User name or password is wrong.",
  locked: (s) => `Too many attempts. Try again in ${s} seconds.`,
  expired: "The session has ended. Log in again: what you have typed is kept.",
  other: "Logging in with another account discards what you have typed.",
  mustChange: "The first password has to be changed before anything else.",
  oldPassword: "Current password",
  newPassword: "New password",
  repeat: "Repeat the new password",
  differ: "The two are different.",
  change: "Change password",
};
