package message

// ID is a known header. Compact forms are folded into the long name.
type ID uint8

// Known headers. HOther stands for every header without an ID of its own.
const (
	HOther ID = iota
	HVia
	HFrom
	HTo
	HCallID
	HCSeq
	HContact
	HMaxForwards
	HRoute
	HRecordRoute
	HContentType
	HContentLength
	HContentEncoding
	HContentDisposition
	HExpires
	HMinExpires
	HAuthorization
	HWWWAuthenticate
	HProxyAuthorization
	HProxyAuthenticate
	HAuthenticationInfo
	HRequire
	HProxyRequire
	HSupported
	HUnsupported
	HAllow
	HAccept
	HAcceptEncoding
	HAcceptLanguage
	HAcceptContact
	HRejectContact
	HRequestDisposition
	HEvent
	HAllowEvents
	HSubscriptionState
	HReason
	HSessionExpires
	HMinSE
	HPath
	HServiceRoute
	HAlertInfo
	HCallInfo
	HErrorInfo
	HPPreferredIdentity
	HPAssertedIdentity
	HRemotePartyID
	HPEarlyMedia
	HPrivacy
	HUserAgent
	HServer
	HRAck
	HRSeq
	HReferTo
	HReferredBy
	HReferSub
	HReplaces
	HJoin
	HTargetDialog
	HRetryAfter
	HWarning
	HDate
	HDiversion
	HHistoryInfo
	HTimestamp
	HSubject
	HOrganization
	HInReplyTo
	HReplyTo
	HPriority
	HMIMEVersion
	HIdentity
	HIdentityInfo
	HSIPETag
	HSIPIfMatch
	HGeolocation
	HUserToUser
	HSessionID
	HFlowTimer
	numIDs
)

var headerNames = [numIDs]string{
	HVia:                "Via",
	HFrom:               "From",
	HTo:                 "To",
	HCallID:             "Call-ID",
	HCSeq:               "CSeq",
	HContact:            "Contact",
	HMaxForwards:        "Max-Forwards",
	HRoute:              "Route",
	HRecordRoute:        "Record-Route",
	HContentType:        "Content-Type",
	HContentLength:      "Content-Length",
	HContentEncoding:    "Content-Encoding",
	HContentDisposition: "Content-Disposition",
	HExpires:            "Expires",
	HMinExpires:         "Min-Expires",
	HAuthorization:      "Authorization",
	HWWWAuthenticate:    "WWW-Authenticate",
	HProxyAuthorization: "Proxy-Authorization",
	HProxyAuthenticate:  "Proxy-Authenticate",
	HAuthenticationInfo: "Authentication-Info",
	HRequire:            "Require",
	HProxyRequire:       "Proxy-Require",
	HSupported:          "Supported",
	HUnsupported:        "Unsupported",
	HAllow:              "Allow",
	HAccept:             "Accept",
	HAcceptEncoding:     "Accept-Encoding",
	HAcceptLanguage:     "Accept-Language",
	HAcceptContact:      "Accept-Contact",
	HRejectContact:      "Reject-Contact",
	HRequestDisposition: "Request-Disposition",
	HEvent:              "Event",
	HAllowEvents:        "Allow-Events",
	HSubscriptionState:  "Subscription-State",
	HReason:             "Reason",
	HSessionExpires:     "Session-Expires",
	HMinSE:              "Min-SE",
	HPath:               "Path",
	HServiceRoute:       "Service-Route",
	HAlertInfo:          "Alert-Info",
	HCallInfo:           "Call-Info",
	HErrorInfo:          "Error-Info",
	HPPreferredIdentity: "P-Preferred-Identity",
	HPAssertedIdentity:  "P-Asserted-Identity",
	HRemotePartyID:      "Remote-Party-ID",
	HPEarlyMedia:        "P-Early-Media",
	HPrivacy:            "Privacy",
	HUserAgent:          "User-Agent",
	HServer:             "Server",
	HRAck:               "RAck",
	HRSeq:               "RSeq",
	HReferTo:            "Refer-To",
	HReferredBy:         "Referred-By",
	HReferSub:           "Refer-Sub",
	HReplaces:           "Replaces",
	HJoin:               "Join",
	HTargetDialog:       "Target-Dialog",
	HRetryAfter:         "Retry-After",
	HWarning:            "Warning",
	HDate:               "Date",
	HDiversion:          "Diversion",
	HHistoryInfo:        "History-Info",
	HTimestamp:          "Timestamp",
	HSubject:            "Subject",
	HOrganization:       "Organization",
	HInReplyTo:          "In-Reply-To",
	HReplyTo:            "Reply-To",
	HPriority:           "Priority",
	HMIMEVersion:        "MIME-Version",
	HIdentity:           "Identity",
	HIdentityInfo:       "Identity-Info",
	HSIPETag:            "SIP-ETag",
	HSIPIfMatch:         "SIP-If-Match",
	HGeolocation:        "Geolocation",
	HUserToUser:         "User-to-User",
	HSessionID:          "Session-ID",
	HFlowTimer:          "Flow-Timer",
}

// compactForms maps the one-letter names of the IANA registry.
var compactForms = ['z' + 1]ID{
	'a': HAcceptContact,
	'b': HReferredBy,
	'c': HContentType,
	'd': HRequestDisposition,
	'e': HContentEncoding,
	'f': HFrom,
	'i': HCallID,
	'j': HRejectContact,
	'k': HSupported,
	'l': HContentLength,
	'm': HContact,
	'n': HIdentityInfo,
	'o': HEvent,
	'r': HReferTo,
	's': HSubject,
	't': HTo,
	'u': HAllowEvents,
	'v': HVia,
	'x': HSessionExpires,
	'y': HIdentity,
}

// single names the headers of which a message may have one line only. Two of them
// would let two elements on the way read two different messages.
var single = [numIDs]bool{
	HFrom: true, HTo: true, HCallID: true, HCSeq: true, HMaxForwards: true,
	HContentLength: true, HContentType: true,
}

// String is the canonical long name, "" for HOther.
func (id ID) String() string {
	if id < numIDs {
		return headerNames[id]
	}
	return ""
}

// Lookup finds the ID of a header name, long or compact, case-insensitively. It is
// HOther for names without an ID.
func Lookup(name string) ID {
	switch len(name) {
	case 0:
		return HOther
	case 1:
		if c := lower(name[0]); int(c) < len(compactForms) {
			return compactForms[c]
		}
		return HOther
	}
	for h := nameHash(name); ; h++ {
		id := nameIndex[h]
		if id == HOther {
			return HOther
		}
		if full := headerNames[id]; name == full || equalFold(name, full) {
			return id
		}
	}
}

// nameIndex is an open hash table over headerNames, a third full.
var nameIndex = func() (t [256]ID) {
	for id := HVia; id < numIDs; id++ {
		h := nameHash(headerNames[id])
		for t[h] != HOther {
			h++
		}
		t[h] = id
	}
	return t
}()

func nameHash(s string) uint8 {
	n := len(s)
	return uint8(n)*31 + (s[0]|0x20)*7 + (s[n-1]|0x20)*13 + (s[n/2]|0x20)*3
}

// equalFold compares ASCII strings case-insensitively, and nothing but ASCII: the
// Kelvin sign is no K in SIP.
func equalFold(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := 0; i < len(a); i++ {
		if lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if c-'A' < 26 {
		return c | 0x20
	}
	return c
}

// Character classes of RFC 3261 section 25.1.
const (
	classToken = 1 << iota // token
	classURI               // may stand in a URI: no control, blank, quote, angle bracket
	classHost              // hostname and IPv4 address, with "_" as it occurs in practice
	classUser              // may stand unescaped in the user part
)

var class = func() (t [256]uint8) {
	for c := 0x21; c < 256; c++ {
		if c != '<' && c != '>' && c != '"' && c != 0x7f {
			t[c] |= classURI
		}
	}
	for c := byte('0'); c <= 'z'; c++ {
		if c <= '9' || c >= 'a' || c >= 'A' && c <= 'Z' {
			t[c] |= classToken | classHost | classUser
		}
	}
	for _, c := range []byte("-.!%*_+`'~") {
		t[c] |= classToken
	}
	for _, c := range []byte("-._") {
		t[c] |= classHost
	}
	for _, c := range []byte("-_.!~*'()&=+$,;?/") {
		t[c] |= classUser
	}
	return t
}()

func isClass(s string, k uint8) bool {
	if s == "" {
		return false
	}
	for i := 0; i < len(s); i++ {
		if class[s[i]]&k == 0 {
			return false
		}
	}
	return true
}

// trim cuts linear white space off both ends.
func trim(s string) string {
	for len(s) > 0 && (s[0] == ' ' || s[0] == '\t') {
		s = s[1:]
	}
	for len(s) > 0 && (s[len(s)-1] == ' ' || s[len(s)-1] == '\t') {
		s = s[:len(s)-1]
	}
	return s
}
