package lint

// catalogue holds every rule, by number. Rules that say less than another one come
// after it, and ask whether that found something.
var catalogue = []*Rule{
	&noAnchor, &identifierOnly, &genericAnchorOnly, &genericWithoutTeam, &teamOnly,
	&storeWithoutIdentifier, &storeWithTeam, &oidWithoutAnchor,
	&alwaysTrue, &neverTrue, &contradictoryRange, &orPrecedence, &weakBranch,
}
