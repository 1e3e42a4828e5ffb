package lint

// catalogue holds every rule, by number. A rule that is silent where another one
// speaks has the higher number.
var catalogue = []*Rule{
	syntaxRule("RQ001"), syntaxRule("RQ002"), &teamUnquoted, syntaxRule("RQ004"), syntaxRule("RQ005"),
	syntaxRule("RQ006"), syntaxRule("RQ007"), syntaxRule("RQ008"), syntaxRule("RQ009"), syntaxRule("RQ010"),
	syntaxRule("RQ011"), &evenStars, syntaxRule("RQ013"), syntaxRule("RQ014"), &setNotSingle,
	syntaxRule("RQ016"), syntaxRule("RQ017"), syntaxRule("RQ018"), &timestampFormat, &malformedOID,
	&slotOverflow, &roundTripLoss, &unresolvedPlaceholder, &commentHidesClause, &htmlEntity, syntaxRule("RQ027"),

	&noAnchor, &identifierOnly, &genericAnchorOnly, &genericWithoutTeam, &appleForOthers, &appleAlone,
	&teamOnly, &noChannel, &developmentAllowed, &halfDeveloperID, &storeWithoutIdentifier, &storeWithTeam,
	&oidWithoutAnchor, &namePin, &hashPin, &appleRootPin, &wrongSlot, &slotBeyondChain, &trustedAnchor,
	&substringIdentity, &namedRequirement, &submissionCertificate, &wrongConstant, &teamInName, &developmentPin,

	&alwaysTrue, &neverTrue, &contradictoryRange, &orPrecedence, &mixedOperators, &weakBranch, &duplicateTerm,
	&impliedTerm, &subjectAbsent, &fieldEquals, &unknownSubjectKey, &emptyPattern, &notText, &denyList, &tooDeep,
	&trailingBytes, &unknownOpcode, &flaggedOpcode, &oldOpcode, &badOperand,

	&noFloor, &versionKey, &versionAsText, syntaxRule("RQ303"), &infoOnly, &cdhashPin, &cdhashAlone, &notarizedPeer,
	&oldKeyword, &platformKeyword, &oldSets, &otherDate,

	&pluginHost, &installerHost, &interpreterPeer, &electronPeer, &runtimePeer, &libraryValidation, &getTaskAllow,
	&unhardened,

	&entitlementOnly, &restrictedEntitlement,
}
