//go:build !devlicence

package licence

// Whatever is built without the tag, packages above all, trusts the publisher's keys only.
var developmentKeys []byte
