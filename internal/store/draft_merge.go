package store

import "github.com/koppelfeld/koppelfeld/internal/directory"

// moveProfile replaces a profile that may belong to somebody else from now on; the lists of users are set by setProfiles.
func (d *draft) moveProfile(p *directory.Profile) {
	own(&d.ours.profiles, &d.snap.Profiles)[p.ID] = p
	d.changed.Profiles[p.ID] = struct{}{}
	d.touch(p.UserID)
}

// forgetProfile takes a profile away that stands in no list of a user any more.
func (d *draft) forgetProfile(id string) {
	delete(own(&d.ours.profiles, &d.snap.Profiles), id)
	delete(d.changed.Profiles, id)
	d.repaired("profile", id)
}

// setProfiles replaces the list of a user's profiles.
func (d *draft) setProfiles(userID string, ids []string) {
	of := own(&d.ours.profilesOf, &d.snap.ProfilesOf)
	if len(ids) == 0 {
		delete(of, userID)
		return
	}
	of[userID] = ids
}
