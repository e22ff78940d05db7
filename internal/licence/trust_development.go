//go:build devlicence

package licence

import _ "embed"

// Development builds (make build, make run, tests of the whole) trust one more key, whose private half is in testdata.
//
//go:embed keys/development.json
var developmentKeys []byte
