package admin_test

// doorRights are those of logins, sessions and factors.
var doorRights = []right{
	{op: "login-ways", method: "GET", own: "/api/login", public: true},
	{op: "login-second", method: "POST", own: "/api/session/second", body: `{"ticket":"x"}`, public: true},
	{op: "ask-passkey", method: "POST", own: "/api/session/passkey/options", body: `{}`, public: true},
	{op: "login-passkey", method: "POST", own: "/api/session/passkey", body: `{}`, public: true},
	{op: "oidc-start", method: "GET", own: "/api/oidc/none/start", public: true},
	{op: "oidc-callback", method: "GET", own: "/api/oidc/none/callback?state=x&scope=y", public: true},
	{op: "list-sessions", method: "GET", own: "/api/users/armin.artmann/sessions", foreign: "/api/users/iris.immsee/sessions", user: true},
	{op: "delete-session", method: "DELETE", own: "/api/users/armin.artmann/sessions/x", foreign: "/api/users/iris.immsee/sessions/x", user: true, person: true},
	{op: "delete-sessions", method: "DELETE", own: "/api/users/armin.artmann/sessions", foreign: "/api/users/iris.immsee/sessions", user: true, person: true},
	{op: "list-factors", method: "GET", own: "/api/users/armin.artmann/factors", foreign: "/api/users/iris.immsee/factors", user: true, person: true},
	{op: "start-totp", method: "POST", own: "/api/users/armin.artmann/factors/totp", foreign: "/api/users/iris.immsee/factors/totp", user: true, person: true, self: true},
	{op: "confirm-totp", method: "PUT", own: "/api/users/armin.artmann/factors/totp", foreign: "/api/users/iris.immsee/factors/totp", body: `{"code":"000000"}`, user: true, person: true, self: true},
	{op: "delete-totp", method: "DELETE", own: "/api/users/armin.artmann/factors/totp", foreign: "/api/users/iris.immsee/factors/totp", user: true, person: true},
	{op: "ask-new-passkey", method: "POST", own: "/api/users/armin.artmann/factors/passkeys/options", foreign: "/api/users/iris.immsee/factors/passkeys/options", user: true, person: true, self: true},
	{op: "create-passkey", method: "POST", own: "/api/users/armin.artmann/factors/passkeys", foreign: "/api/users/iris.immsee/factors/passkeys", body: `{"question":"x","credential":{}}`, user: true, person: true, self: true},
	{op: "delete-passkey", method: "DELETE", own: "/api/users/armin.artmann/factors/passkeys/x", foreign: "/api/users/iris.immsee/factors/passkeys/x", user: true, person: true},
	{op: "create-recovery-codes", method: "POST", own: "/api/users/armin.artmann/factors/recovery", foreign: "/api/users/iris.immsee/factors/recovery", user: true, person: true, self: true},
}

// doorWalk uses the operations of logins, sessions and factors, but those whose answers are never the same: they have tests of their own.
var doorWalk = []step{
	{"login-ways", "", "GET", "/api/login", "", ""},
	{"login-second-nothing", "", "POST", "/api/session/second", `{"ticket":"x"}`, ""},
	{"login-second-expired", "", "POST", "/api/session/second", `{"ticket":"x","totp":"123456"}`, ""},
	{"list-sessions", "armin.artmann", "GET", "/api/users/armin.artmann/sessions", "", ""},
	{"delete-session-missing", "armin.artmann", "DELETE", "/api/users/armin.artmann/sessions/x", "", ""},
	{"delete-sessions", "adele.admin", "DELETE", "/api/users/supervisor/sessions", "", ""},
	{"list-factors", "adele.admin", "GET", "/api/users/armin.artmann/factors", "", ""},
	{"delete-totp-missing", "adele.admin", "DELETE", "/api/users/armin.artmann/factors/totp", "", ""},
	{"start-totp-foreign", "adele.admin", "POST", "/api/users/armin.artmann/factors/totp", "", ""},
	{"create-recovery-codes-nothing", "armin.artmann", "POST", "/api/users/armin.artmann/factors/recovery", "", ""},
	{"set-password-rules", "adele.admin", "PUT", "/api/users/armin.artmann/password", `{"password":"Armin.Artmann"}`, ""},
	{"oidc-start-missing", "", "GET", "/api/oidc/none/start", "", ""},
}

// doorTested are tested in door_test.go and licence_test.go.
var doorTested = []string{
	"login-second", "ask-passkey", "login-passkey", "oidc-start", "oidc-callback", "delete-session",
	"start-totp", "confirm-totp", "delete-totp", "ask-new-passkey", "create-passkey", "delete-passkey", "create-recovery-codes",
	"get-licence", "put-licence", "delete-licence",
}
