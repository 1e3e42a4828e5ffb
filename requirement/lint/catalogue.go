package lint

// catalogue holds every rule, by number. A rule that is silent where a better one
// speaks comes after that one.
var catalogue = []*Rule{
	syntaxRule("RQ001"), syntaxRule("RQ002"), syntaxRule("RQ004"), syntaxRule("RQ005"), syntaxRule("RQ006"),
	syntaxRule("RQ007"), syntaxRule("RQ008"), syntaxRule("RQ009"), syntaxRule("RQ010"), syntaxRule("RQ011"),
	&evenStars, syntaxRule("RQ013"), syntaxRule("RQ014"), &setNotSingle, syntaxRule("RQ016"), syntaxRule("RQ017"),
	syntaxRule("RQ018"), &unresolvedPlaceholder, &commentHidesClause, syntaxRule("RQ026"), syntaxRule("RQ027"),

	&noAnchor, &identifierOnly, &genericAnchorOnly, &genericWithoutTeam, &teamOnly,
	&storeWithoutIdentifier, &storeWithTeam, &oidWithoutAnchor,

	&alwaysTrue, &neverTrue, &contradictoryRange, &orPrecedence, &weakBranch,
}
