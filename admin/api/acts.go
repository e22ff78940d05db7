package api

// registerActs adds what is done beyond reading and changing one object.
func (a *API) registerActs() {
	a.registerMatrixPreview()
	a.registerMatrixOrder()
	a.registerFreeNumbers()
	a.registerPersonCalls()
	a.registerColleagues()
	a.registerCredentials()
	a.registerImpersonation()
	a.registerBulk()
	a.registerImport()
	a.registerTransfer()
	a.registerBackups()
	a.registerUndo()
}
