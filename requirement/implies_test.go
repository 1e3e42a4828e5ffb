package requirement

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xpcpolicy/xpcpolicy/code"
)

const (
	developerID = `anchor apple generic and certificate 1[field.1.2.840.113635.100.6.2.6] exists and certificate leaf[field.1.2.840.113635.100.6.1.13] exists`
	appStore    = `anchor apple generic and certificate leaf[field.1.2.840.113635.100.6.1.9] exists`
	xcode       = `anchor apple generic and identifier "com.example.app" and (certificate leaf[field.1.2.840.113635.100.6.1.9] or certificate 1[field.1.2.840.113635.100.6.2.6] and certificate leaf[field.1.2.840.113635.100.6.1.13] and certificate leaf[subject.OU] = ABCDE12345)`
	software    = `anchor apple generic and certificate -2[subject.CN] = "Apple Code Signing Certification Authority" and certificate -2[subject.O] = "Apple Inc." and certificate leaf[field.1.2.840.113635.100.6.22]`
	h1          = `H"0000000000000000000000000000000000000001"`
	h2          = `H"0000000000000000000000000000000000000002"`
	date33      = `certificate leaf[timestamp.1.2.840.113635.100.6.1.33]`
)

type impliesCase struct {
	a, b string
	want Answer
}

func runImplies(t *testing.T, cases map[string]impliesCase) {
	t.Helper()
	for name, tt := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, b := parsed(t, tt.a), parsed(t, tt.b)
			i := implied(t, newMaker(1), a, b)
			assert.Equal(t, tt.want, i.Answer, "%s\n=>\n%s\n%s", tt.a, tt.b, i)
			assert.Equal(t, i.Answer == No, i.Counterexample != nil)
			if i.Counterexample != nil { // it is worth something as a file of facts, too
				raw, err := json.Marshal(i.Counterexample)
				require.NoError(t, err)
				again, err := code.ReadFacts(raw)
				require.NoError(t, err)
				assert.Equal(t, True, Eval(a, again, Options{}).Outcome)
				assert.Equal(t, False, Eval(b, again, Options{}).Outcome)
			}
		})
	}
}

func TestImpliesStructure(t *testing.T) {
	t.Parallel()
	runImplies(t, map[string]impliesCase{
		"never implies everything":                      {`never`, `identifier a`, Yes},
		"everything implies always":                     {`identifier a`, `always`, Yes},
		"always implies nothing but tautologies":        {`always`, `identifier a`, No},
		"always implies a tautology":                    {`always`, `identifier a or ! identifier a`, Yes},
		"a conjunction implies its left side":           {`identifier a and notarized`, `identifier a`, Yes},
		"a conjunction implies its right side":          {`identifier a and notarized`, `notarized`, Yes},
		"a side does not imply the conjunction":         {`identifier a`, `identifier a and notarized`, No},
		"a side implies the disjunction":                {`notarized`, `identifier a or notarized`, Yes},
		"a disjunction does not imply a side":           {`identifier a or notarized`, `notarized`, No},
		"order and nesting do not matter":               {`identifier a and (notarized and legacy)`, `legacy and (notarized and identifier a)`, Yes},
		"and distributes over or":                       {`identifier a and (notarized or legacy)`, `identifier a and notarized or identifier a and legacy`, Yes},
		"or distributes over and":                       {`(notarized or identifier a) and (notarized or legacy)`, `notarized or identifier a and legacy`, Yes},
		"De Morgan":                                     {`! (notarized and legacy)`, `! notarized or ! legacy`, Yes},
		"De Morgan, the other way":                      {`! notarized or ! legacy`, `! (notarized and legacy)`, Yes},
		"double negation":                               {`! ! notarized`, `notarized`, Yes},
		"a contradiction implies everything":            {`notarized and ! notarized`, `identifier a`, Yes},
		"and binds tighter than or":                     {`identifier a or identifier b and notarized`, `(identifier a or identifier b) and notarized`, No},
		"chained cases":                                 {`(notarized or legacy) and (! notarized or platform = 1) and (! legacy or platform = 1)`, `platform = 1`, Yes},
		"an alternative more is looser":                 {developerID, developerID + ` or ` + appStore, Yes},
		"an alternative less is stricter, not implied":  {developerID + ` or ` + appStore, developerID, No},
		"requirements that share nothing":               {`notarized`, `platform = 1`, No},
		"notarized is not legacy":                       {`notarized`, `legacy`, No},
		"an expression implies itself":                  {xcode, xcode, Yes},
		"a named requirement implies itself":            {`(helper)`, `(helper)`, Yes},
		"a named requirement is not known":              {`(helper)`, `identifier a`, CannotTell},
		"its negation holds where nothing is installed": {`! (helper)`, `identifier a`, No},
		"what implies a named requirement":              {`identifier a`, `(helper)`, No},
		"two named requirements are two":                {`(helper) and identifier a`, `(other)`, CannotTell},
		"a named anchor is opaque":                      {`anchor apple foo`, `anchor apple generic`, CannotTell},
		"a named anchor is no named code":               {`anchor apple foo and (bar)`, `(foo)`, CannotTell},
		"opaque terms do not hinder a proof":            {`(helper) and identifier a`, `! identifier b`, Yes},
		"opaque terms need not be true":                 {`(helper) or identifier a`, `identifier b`, No},
	})
}

func TestImpliesAnchors(t *testing.T) {
	t.Parallel()
	runImplies(t, map[string]impliesCase{
		"Developer ID implies Apple's root":                         {developerID, `anchor apple generic`, Yes},
		"Xcode's requirement implies Apple's root":                  {xcode, `anchor apple generic`, Yes},
		"Xcode's requirement implies the identifier":                {xcode, `identifier "com.example.app"`, Yes},
		"Xcode's requirement does not imply the team":               {xcode, `certificate leaf[subject.OU] = ABCDE12345`, No},
		"it does off the App Store":                                 {xcode + ` and ! certificate leaf[field.1.2.840.113635.100.6.1.9]`, `certificate leaf[subject.OU] = ABCDE12345`, Yes},
		"Apple's root does not imply Developer ID":                  {`anchor apple generic`, developerID, No},
		"the triple with a team implies the triple":                 {developerID + ` and certificate leaf[subject.OU] = ABCDE12345`, developerID, Yes},
		"markers without the anchor are not enough":                 {`certificate 1[field.1.2.840.113635.100.6.2.6] and certificate leaf[field.1.2.840.113635.100.6.1.13]`, developerID, No},
		"the App Store is not Developer ID":                         {appStore, developerID, No},
		"the trust cache needs no Apple root":                       {`anchor apple`, `anchor apple generic`, No},
		"the trust cache needs no certificate":                      {`anchor apple`, `certificate leaf[subject.CN]`, No},
		"nor Apple's name below the root":                           {`anchor apple`, `certificate -2[subject.O] = "Apple Inc."`, No},
		"code with certificates may be in the trust cache":          {`anchor apple and certificate leaf[subject.CN]`, `anchor apple generic`, No},
		"Apple's root does not imply Apple's own software":          {`anchor apple generic`, `anchor apple`, No},
		"the parts of Apple's chain imply anchor apple":             {software, `anchor apple`, Yes},
		"each part is needed":                                       {`anchor apple generic and certificate -2[subject.O] = "Apple Inc." and certificate leaf[field.1.2.840.113635.100.6.22]`, `anchor apple`, No},
		"outside, Apple's root lacks a part":                        {`! anchor apple and anchor apple generic and certificate leaf[field.1.2.840.113635.100.6.22]`, `! (certificate -2[subject.CN] = "Apple Code Signing Certification Authority" and certificate -2[subject.O] = "Apple Inc.")`, Yes},
		"slot 1 is slot -2 in chains of three only":                 {`anchor apple generic and certificate 1[subject.CN] = "Apple Code Signing Certification Authority" and certificate 1[subject.O] = "Apple Inc." and certificate leaf[field.1.2.840.113635.100.6.22]`, `anchor apple`, No},
		"without the root only the trust cache remains":             {`anchor apple and ! anchor apple generic and certificate leaf[field.1.2]`, `certificate root[subject.CN]`, No},
		"anchor apple of two identifiers":                           {`anchor apple and identifier a`, `anchor apple`, Yes},
		"Apple's root implies that there is a leaf":                 {`anchor apple generic`, `certificate leaf[field.1.2] absent or certificate leaf[field.1.2]`, Yes},
		"Apple's root implies no second certificate":                {`anchor apple generic`, `certificate 1[field.1.2] absent or certificate 1[field.1.2]`, No},
		"a trusted root implies anchor trusted when alone":          {`certificate root trusted and certificate leaf trusted`, `anchor trusted`, Yes},
		"a trusted leaf implies anchor trusted":                     {`certificate leaf trusted`, `anchor trusted`, Yes},
		"a trusted root does not: the leaf may be denied":           {`certificate root trusted`, `anchor trusted`, No},
		"anchor trusted implies a certificate":                      {`anchor trusted`, `certificate leaf[field.1.2] absent or certificate leaf[field.1.2]`, Yes},
		"anchor trusted does not say which":                         {`anchor trusted`, `certificate leaf trusted or certificate root trusted`, No},
		"two certificates, neither trusted":                         {`anchor trusted and ! certificate leaf trusted and ! certificate root trusted`, `certificate 2[field.1.2] absent or certificate 2[field.1.2]`, Yes},
		"neither of the first two is trusted":                       {`anchor trusted and ! certificate leaf trusted and ! certificate 1 trusted`, `never`, No},
		"a chain of exactly two":                                    {`certificate 1[field.1.2] absent and ! certificate 2[field.1.2] and ! certificate 2[field.1.2] absent`, `never`, No},
		"in a chain of two, slot 1 is the root":                     {`certificate 1 = ` + h1 + ` and ! certificate 2[field.1.2] and ! certificate 2[field.1.2] absent`, `anchor = ` + h1, Yes},
		"in a chain of two, slot 1 and the root have one hash":      {`certificate 1 = ` + h1 + ` and anchor = ` + h1 + ` and ! certificate 2[field.1.2] and ! certificate 2[field.1.2] absent`, `never`, No},
		"trusted is not Apple's":                                    {`anchor trusted`, `anchor apple generic`, No},
		"legacy implies a leaf":                                     {`legacy`, `certificate leaf[field.1.2] absent or certificate leaf[field.1.2]`, Yes},
		"legacy excludes young accounts":                            {`legacy`, `! (certificate leaf[field.1.2.840.113635.100.6.1.33] and ` + date33 + ` >= timestamp "20190408000000Z")`, Yes},
		"legacy admits old accounts":                                {`legacy`, date33 + ` absent`, No},
		"legacy does not imply the anchor":                          {`legacy`, `anchor apple generic`, No},
		"legacy with an unreadable date":                            {`legacy and certificate leaf[field.1.2.840.113635.100.6.1.33]`, date33, Yes},
		"Apple's own designated requirement against the policy's":   {`identifier "com.apple.TextEdit" and anchor apple`, `anchor apple`, Yes},
		"legacy needs an old date, where dates stand in extensions": {developerID + ` and legacy`, developerID + ` and (` + date33 + ` absent or ` + date33 + ` < timestamp "20190408000000Z")`, CannotTell},
		"notarized Developer ID is Developer ID":                    {developerID + ` and notarized`, developerID, Yes},
		"an anchor by hash is not known to be Apple's":              {`anchor = ` + h1, `anchor apple generic`, No},
		"Apple's root by its SHA-1 has no real counterexample":      {`anchor = H"611e5b662c593a08ff58d14ae22452d198df6c60"`, `anchor apple generic`, CannotTell},
		"which of Apple's roots it is":                              {`anchor apple generic`, `anchor = H"611e5b662c593a08ff58d14ae22452d198df6c60"`, No},
		"Apple's root by its SHA-1 pins no identifier":              {`anchor = H"611e5b662c593a08ff58d14ae22452d198df6c60"`, `identifier a`, No},
		"anchor and certificate root are the same":                  {`anchor = ` + h1, `certificate root = ` + h1, Yes},
		"anchor and certificate -1 are the same":                    {`anchor[subject.CN] = x`, `certificate -1[subject.CN] = x`, Yes},
		"a hash of zeros is no certificate that one could show":     {`anchor = H"0000000000000000000000000000000000000000"`, `anchor apple generic`, CannotTell},
		"different anchors exclude each other":                      {`anchor = ` + h1, `! anchor = ` + h2, Yes},
		"the hash of the leaf says nothing about the root":          {`certificate leaf = ` + h1, `! certificate root = ` + h1, No},
		"different hashes of leaf and root need two certificates":   {`certificate leaf = ` + h1 + ` and certificate root = ` + h2, `certificate 1[field.1.2] or certificate 1[field.1.2] absent`, Yes},
		"slot 2 is the root of three":                               {`certificate 2 = ` + h1 + ` and certificate root = ` + h2, `certificate 3[field.1.2] or certificate 3[field.1.2] absent`, Yes},
		"slots -1 and 0 are one in a chain of one":                  {`certificate -2[field.1.2] absent and certificate leaf = ` + h1, `! certificate root = ` + h1, No},
		"a certificate by hash exists":                              {`certificate 2 = ` + h1, `certificate 2[subject.CN] or certificate 2[field.1.2] or certificate 2[field.1.2] absent`, Yes},
		"slot -3 implies slot 2":                                    {`certificate -3[subject.CN]`, `certificate 2[field.1.2] or certificate 2[field.1.2] absent`, Yes},
		"a chain that nobody can show":                              {`certificate 100[field.1.2]`, `identifier a`, CannotTell},
		"a slot beyond all chains still implies itself":             {`certificate 2147483647[field.1.2]`, `certificate 2147483647[field.1.2] or identifier a`, Yes},
		"a slot implies the slots before it, however far":           {`certificate 2147483647[field.1.2]`, `certificate 1000[field.1.2] or certificate 1000[field.1.2] absent`, Yes},
		"no chain at all is a counterexample":                       {`identifier a`, `certificate leaf[field.1.2] absent`, No},
		"a missing certificate is neither with nor without a field": {`! certificate leaf[field.1.2] and ! certificate leaf[field.1.2] absent`, `! certificate leaf[subject.CN] and ! anchor apple generic`, Yes},
	})
}

func TestImpliesCertificates(t *testing.T) {
	t.Parallel()
	leaf := func(rest string) string { return `certificate leaf[subject.CN] ` + rest }
	runImplies(t, map[string]impliesCase{
		"a value implies that it exists":                        {leaf(`= x`), leaf(`exists`), Yes},
		"existence implies no value":                            {leaf(`exists`), leaf(`= x`), No},
		"two values exclude each other":                         {leaf(`= x`), `! ` + leaf(`= y`), Yes},
		"two values at two slots do not":                        {leaf(`= x`), `! certificate 1[subject.CN] = y`, No},
		"two values of two attributes do not":                   {leaf(`= x`), `! certificate leaf[subject.OU] = y`, No},
		"two teams contradict each other":                       {leaf(`= x`) + ` and ` + leaf(`= y`), `never`, Yes},
		"a value implies its beginning":                         {leaf(`= "Developer ID: x"`), leaf(`= "Developer ID"*`), Yes},
		"a value implies its end":                               {leaf(`= abc`), leaf(`= *bc`), Yes},
		"a value implies its parts":                             {leaf(`= abc`), leaf(`~ b`), Yes},
		"a value excludes other beginnings":                     {leaf(`= abc`), `! ` + leaf(`= b*`), Yes},
		"a beginning implies shorter ones":                      {leaf(`= abc*`), leaf(`= ab*`), Yes},
		"a beginning does not imply longer ones":                {leaf(`= ab*`), leaf(`= abc*`), No},
		"a beginning implies the parts in it":                   {leaf(`= abc*`), leaf(`~ bc`), Yes},
		"a beginning implies no end":                            {leaf(`= abc*`), leaf(`= *abc`), No},
		"an end implies shorter ones":                           {leaf(`= *abc`), leaf(`= *bc`), Yes},
		"a part implies smaller ones":                           {leaf(`~ abc`), leaf(`~ b`), Yes},
		"a part implies no beginning":                           {leaf(`~ abc`), leaf(`= abc*`), No},
		"two beginnings that differ exclude each other":         {leaf(`= ab*`), `! ` + leaf(`= ac*`), Yes},
		"two ends that differ exclude each other":               {leaf(`= *ab`), `! ` + leaf(`= *bb`), Yes},
		"a beginning and an end may overlap":                    {leaf(`= ab*`) + ` and ` + leaf(`= *bc`), leaf(`= abc`), No},
		"a beginning, an end, and no part of both":              {leaf(`= "1"*`) + ` and ` + leaf(`= *"2"`) + ` and ! ` + leaf(`~ "12"`), leaf(`= "1x2"`), No},
		"a pattern implies that it exists":                      {leaf(`~ a`), leaf(`exists`), Yes},
		"an empty pattern matches nothing":                      {leaf(`= ""*`), `never`, Yes},
		"an empty value is a value":                             {leaf(`= ""`), leaf(`exists`), Yes},
		"an attribute is never absent":                          {leaf(`absent`), `never`, Yes},
		"an unknown attribute is never true":                    {`certificate leaf[subject.TEAM] = x`, `never`, Yes},
		"a comparison implies that it exists":                   {leaf(`>= "1"`), leaf(`exists`), Yes},
		"ranges of one text exclude each other":                 {leaf(`< "1"`), `! ` + leaf(`>= "2"`), Yes},
		"what exists and is not less is greater or equal":       {leaf(`exists`) + ` and ! ` + leaf(`< b`), leaf(`>= b`), Yes},
		"what is not less may be missing":                       {`! ` + leaf(`< b`), leaf(`>= b`), No},
		"what is both at least and at most a word is the word":  {leaf(`>= b`) + ` and ` + leaf(`<= b`), leaf(`= b`), Yes},
		"what is neither less nor greater is possible":          {leaf(`exists`) + ` and ! ` + leaf(`< b`) + ` and ! ` + leaf(`> b`), `never`, No},
		"two parts need not be one":                             {leaf(`~ a`) + ` and ` + leaf(`~ b`), `never`, No},
		"two parts, in either order":                            {leaf(`~ a`) + ` and ` + leaf(`~ b`), leaf(`~ ab`), No},
		"numbers have many forms":                               {leaf(`>= "1"`) + ` and ` + leaf(`<= "1"`), leaf(`= "1"`), No},
		"nothing comes before the empty text":                   {leaf(`< ""`), `never`, Yes},
		"only the empty text is not above the empty text":       {leaf(`<= ""`), leaf(`= ""`), Yes},
		"an extension is there or not":                          {`certificate leaf[field.1.2]`, `! certificate leaf[field.1.2] absent`, Yes},
		"not there, or no certificate":                          {`! certificate leaf[field.1.2]`, `certificate leaf[field.1.2] absent`, No},
		"absent needs a certificate":                            {`certificate 1[field.1.2] absent`, `certificate leaf[field.1.2] or certificate leaf[field.1.2] absent`, Yes},
		"the value of an extension is never compared":           {`certificate leaf[field.1.2] = x`, `never`, Yes},
		"extension and field are one":                           {`certificate leaf[extension.1.2]`, `certificate leaf[field.1.2]`, Yes},
		"a policy is no extension":                              {`certificate leaf[policy.1.2]`, `certificate leaf[field.1.2]`, No},
		"a policy is there or not":                              {`certificate leaf[policy.1.2] absent`, `! certificate leaf[policy.1.2]`, Yes},
		"a malformed object identifier":                         {`certificate leaf[field.1]`, `identifier a`, CannotTell},
		"a date is there or not, with or without a certificate": {`! ` + date33 + ` exists`, date33 + ` absent`, Yes},
		"a date that is absent needs no certificate":            {date33 + ` absent`, `certificate leaf[field.1.2] absent or certificate leaf[field.1.2]`, No},
		"a date before is a date":                               {date33 + ` < timestamp "20190408000000Z"`, date33, Yes},
		"an earlier limit is stricter":                          {date33 + ` < timestamp "20180101000000Z"`, date33 + ` < timestamp "20190408000000Z"`, Yes},
		"a later limit is looser":                               {date33 + ` < timestamp "20190408000000Z"`, date33 + ` < timestamp "20180101000000Z"`, No},
		"on a day is on or before it":                           {date33 + ` = timestamp "20180101000000Z"`, date33 + ` <= timestamp "20180101000000Z"`, Yes},
		"on a day is not after it":                              {date33 + ` = timestamp "20180101000000Z"`, `! ` + date33 + ` > timestamp "20180101000000Z"`, Yes},
		"neither before nor after is on":                        {date33 + ` exists and ! ` + date33 + ` < timestamp "20180101000000Z" and ! ` + date33 + ` > timestamp "20180101000000Z"`, date33 + ` = timestamp "20180101000000Z"`, Yes},
		"before and after exclude each other":                   {date33 + ` < timestamp "20180101000000Z"`, `! ` + date33 + ` > timestamp "20180101000000Z"`, Yes},
		"2001-01-01 is no date":                                 {date33 + ` = timestamp "20010101000000Z"`, `never`, Yes},
		"no whole second is between two seconds":                {date33 + ` > timestamp "20180101000000Z" and ` + date33 + ` < timestamp "20180101000001Z"`, `never`, CannotTell},
		"a date stands in an extension":                         {date33, `certificate leaf[field.1.2.840.113635.100.6.1.33]`, CannotTell},
		"an extension need not hold a date":                     {`certificate leaf[field.1.2.840.113635.100.6.1.33]`, date33, No},
		"a text is no date":                                     {date33 + ` = x`, `never`, Yes},
	})
}

func TestImpliesValues(t *testing.T) {
	t.Parallel()
	runImplies(t, map[string]impliesCase{
		"identifiers exclude each other":                      {`identifier a`, `! identifier b`, Yes},
		"identifiers count case":                              {`identifier a`, `identifier A`, No},
		"one of two identifiers":                              {`(identifier a or identifier b) and ! identifier a`, `identifier b`, Yes},
		"cdhashes exclude each other":                         {`cdhash ` + h1, `! cdhash ` + h2, Yes},
		"a cdhash pins no identifier":                         {`cdhash ` + h1, `identifier a`, No},
		"platforms exclude each other":                        {`platform = 1`, `! platform = 2`, Yes},
		"no program has platform 256":                         {`platform = 256`, `never`, Yes},
		"not zero is some platform":                           {`! platform = 0`, `platform = 1`, No},
		"a value implies that the key exists":                 {`info[k] = a`, `info[k]`, Yes},
		"a value excludes absence":                            {`info[k] = a`, `! info[k] absent`, Yes},
		"existence implies no value in Info.plist":            {`info[k]`, `info[k] = a`, No},
		"existence excludes absence":                          {`info[k]`, `! info[k] absent`, Yes},
		"what does not exist may be boolean false":            {`! info[k]`, `info[k] absent`, No},
		"what is absent does not exist":                       {`info[k] absent`, `! info[k]`, Yes},
		"an array has two values":                             {`info[k] = a`, `! info[k] = b`, No},
		"an array has values on both sides":                   {`info[v] < "1"`, `! info[v] >= "2"`, No},
		"one value of an array is enough":                     {`info[k] = abc`, `info[k] = a*`, Yes},
		"two values of an array may give two parts":           {`info[k] ~ a and info[k] ~ b`, `info[k] = ab or info[k] = ba or info[k] = "ab"* or info[k] = *"ab"`, No},
		"a version implies lower limits":                      {`info[v] >= "2.1"`, `info[v] >= "2.0"`, Yes},
		"a version does not imply higher limits":              {`info[v] >= "2.0"`, `info[v] >= "2.1"`, No},
		"greater is at least":                                 {`info[v] > "2"`, `info[v] >= "2"`, Yes},
		"at least is not greater":                             {`info[v] >= "2"`, `info[v] > "2"`, No},
		"1.10 is above 1.9":                                   {`info[v] >= "1.10"`, `info[v] >= "1.9"`, Yes},
		"1.0 is below 1.0.0":                                  {`info[v] <= "1.0"`, `info[v] < "1.0.0"`, Yes},
		"1.0 is not at least 1.0.0":                           {`info[v] = "1.0"`, `info[v] >= "1.0.0"`, No},
		"01 is 1":                                             {`info[v] > "01.0"`, `info[v] > "1.0"`, Yes},
		"a pre-release is above its release":                  {`info[v] = "1.0b2"`, `info[v] > "1.0"`, Yes},
		"an exact version is in the range":                    {`info[v] = "407.1"`, `info[v] >= "407"`, Yes},
		"a beginning is in the range":                         {`info[v] = "2."*`, `info[v] >= "2"`, Yes},
		"a beginning is below the next":                       {`info[v] = "2."*`, `info[v] < "3"`, Yes},
		"a beginning that ends in digits is not above itself": {`info[v] = "2"*`, `info[v] >= "2"`, No},
		"not less does not mean at least: it may be a number": {`info[v] and ! info[v] < "2"`, `info[v] >= "2"`, No},
		"not in the range, nor any value in it":               {`! info[v] >= "2"`, `! info[v] = "3"`, Yes},
		"not in the range, but below":                         {`! info[v] >= "2" and info[v] = "1"`, `info[v] < "2"`, Yes},
		"a value above an excluded range":                     {`info[v] >= "1" and ! info[v] >= "2"`, `info[v] < "2"`, Yes},
		"a text is no date of a key":                          {`info[k] = timestamp "20180101000000Z"`, `! info[k] = a`, No},
		"a date of a key exists":                              {`info[k] > timestamp "20180101000000Z"`, `info[k]`, Yes},
		"an array has dates before and after":                 {`info[k] < timestamp "20180101000000Z"`, `! info[k] > timestamp "20190101000000Z"`, No},
		"a date of a key has parts of seconds":                {`info[k] > timestamp "20180101000000Z"`, `info[k] >= timestamp "20180101000001Z"`, No},
		"2001-01-01 is a date of a key":                       {`info[k] = timestamp "20010101000000Z"`, `never`, No},
		"a later date of a key":                               {`info[k] > timestamp "20190101000000Z"`, `info[k] > timestamp "20180101000000Z"`, Yes},
		"two keys are independent":                            {`info[k] = a`, `info[K] = a`, No},
		"dots are no paths":                                   {`info["a.b"] = x`, `info[a]`, No},
		"an entitlement is no Info.plist key":                 {`entitlement[k]`, `info[k]`, No},
		"an entitlement that exists is not absent":            {`entitlement["com.apple.security.app-sandbox"]`, `! entitlement["com.apple.security.app-sandbox"] absent`, Yes},
		"an entitlement false neither exists nor is absent":   {`always`, `entitlement[k] or entitlement[k] absent`, No},
		"absent entitlements match nothing":                   {`entitlement[k] absent`, `! entitlement[k] ~ a`, Yes},
		"groups of an entitlement are an array":               {`entitlement[groups] = "A.x" and entitlement[groups] = "B.x"`, `never`, No},
		"a hexadecimal value is the text":                     {`info[k] = 0x666f6f`, `info[k] = foo`, Yes},
		"a value ends at its first NUL":                       {`info[k] = 0x666f6f00ff`, `info[k] = foo`, Yes},
	})
}

func TestImpliesOfBinaries(t *testing.T) {
	t.Parallel()
	unknown := &Expr{Op: OpUnknown, Slot: 99}
	skip := &Expr{Op: OpUnknown, Slot: 99, Flags: FlagSkip, X: &Expr{Op: OpNotarized}}
	falsy := &Expr{Op: OpUnknown, Slot: 99, Flags: FlagFalse, Value: "x"}
	constraint := &Expr{Op: OpConstraint, Value: "\x00\x00\x00\x020\x00\x00\x00"}
	ident, never := &Expr{Op: OpIdent, Value: "a"}, &Expr{Op: OpFalse}
	for name, tt := range map[string]struct {
		a, b *Expr
		want Answer
	}{
		"what cannot be evaluated is satisfied by nothing":    {unknown, ident, Yes},
		"an abort anywhere is an abort":                       {&Expr{Op: OpOr, X: ident, Y: unknown}, never, Yes},
		"nothing shows what an abort refuses":                 {ident, unknown, CannotTell},
		"a contradiction implies even what aborts":            {never, unknown, Yes},
		"nil is no requirement":                               {nil, ident, Yes},
		"nor is an operator without operand":                  {&Expr{Op: OpNot}, ident, Yes},
		"a hash of 19 bytes":                                  {&Expr{Op: OpAnchorHash, Value: "1234567890123456789"}, never, Yes},
		"a cdhash of 19 bytes matches nothing":                {&Expr{Op: OpCDHash, Value: "1234567890123456789"}, never, Yes},
		"the same unknown opcode is the same":                 {&Expr{Op: OpAnd, X: falsy, Y: ident}, &Expr{Op: OpUnknown, Slot: 99, Flags: FlagFalse, Value: "x"}, Yes},
		"another payload is another opcode":                   {falsy, &Expr{Op: OpUnknown, Slot: 99, Flags: FlagFalse, Value: "y"}, CannotTell},
		"an unknown opcode that counts as false":              {ident, falsy, No},
		"a skipped opcode need not mean what stands for it":   {skip, &Expr{Op: OpNotarized}, CannotTell},
		"a skipped opcode is refuted by what stands for it":   {ident, skip, No},
		"a launch constraint implies itself":                  {constraint, &Expr{Op: OpConstraint, Value: constraint.Value}, Yes},
		"a launch constraint is opaque":                       {constraint, never, CannotTell},
		"the legacy opcode is an equality":                    {&Expr{Op: OpInfoValue, Key: "k", Value: "a"}, &Expr{Op: OpInfo, Key: "k", Match: MatchEqual, Value: "a"}, Yes},
		"an unknown comparison is never true":                 {&Expr{Op: OpInfo, Key: "k", Match: 77}, never, Yes},
		"email names are opaque":                              {&Expr{Op: OpCertField, Key: "email", Match: MatchEqual, Value: "a"}, never, CannotTell},
		"email names need a certificate":                      {&Expr{Op: OpCertField, Key: "email", Slot: 1, Match: MatchEqual, Value: "a"}, &Expr{Op: OpNot, X: &Expr{Op: OpAnd, X: &Expr{Op: OpNot, X: &Expr{Op: OpCertGeneric, Key: "*"}}, Y: &Expr{Op: OpNot, X: &Expr{Op: OpCertGeneric, Key: "*", Match: MatchAbsent}}}}, Yes},
		"operands that do not matter do not tell terms apart": {&Expr{Op: OpInfo, Key: "k", Value: "x"}, &Expr{Op: OpInfo, Key: "k\x00y", Flags: 1}, Yes},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			i := implied(t, newMaker(2), tt.a, tt.b)
			assert.Equal(t, tt.want, i.Answer, i.String())
		})
	}
	assert.Contains(t, Implies(unknown, ident, ImpliesOptions{}).Reason, "no program satisfies the first requirement: an opcode")
}

func TestContradictionAndTautology(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][2]Answer{
		`always`:                            {No, Yes},
		`never`:                             {Yes, No},
		`identifier a`:                      {No, No},
		`identifier a and identifier b`:     {Yes, No},
		`! (identifier a and identifier b)`: {No, Yes},
		`info[k] = a and info[k] absent`:    {Yes, No},
		`info[k] or info[k] absent`:         {No, No}, // boolean false
		`anchor apple generic and ! certificate leaf[field.1.2] and ! certificate leaf[field.1.2] absent`: {Yes, No},
		`(helper)`: {CannotTell, No},
	} {
		e := parsed(t, text)
		c, s := Contradiction(e, ImpliesOptions{}), Tautology(e, ImpliesOptions{})
		assert.Equal(t, want, [2]Answer{c.Answer, s.Answer}, text)
		if c.Answer == No {
			assert.Equal(t, True, Eval(e, c.Counterexample, Options{}).Outcome)
		}
		if s.Answer == No {
			assert.Equal(t, False, Eval(e, s.Counterexample, Options{}).Outcome)
		}
	}
}

func TestImpliesSaysWhenYesIsEmpty(t *testing.T) {
	t.Parallel()
	yes := func(a, b string) string {
		i := Implies(parsed(t, a), parsed(t, b), ImpliesOptions{})
		require.Equal(t, Yes, i.Answer)
		return i.Reason
	}
	assert.Equal(t, "no program satisfies the first requirement", yes(`identifier a and identifier b`, `notarized`))
	assert.Equal(t, "every program satisfies the second requirement", yes(`identifier a`, `notarized or ! notarized`))
	assert.Empty(t, yes(`identifier a and notarized`, `notarized`))
}

// TestWildImplies holds for requirement strings that people published.
func TestWildImplies(t *testing.T) {
	t.Parallel()
	generic := parsed(t, `anchor apple generic`)
	var before *Expr
	anchored, cannot := 0, 0
	for _, v := range vectors(t, "wild") {
		e, err := Parse("wild", v.Text)
		if err != nil {
			continue
		}
		again, err := Parse("again", FormatStyle(e, StyleDefault))
		require.NoError(t, err)
		again = &Expr{Op: OpAnd, X: again, Y: &Expr{Op: OpTrue}} // not the same bytes
		require.Equal(t, Yes, Implies(e, again, ImpliesOptions{}).Answer, v.Text)
		require.Equal(t, Yes, Implies(again, e, ImpliesOptions{}).Answer, v.Text)
		if slices.ContainsFunc(clauses(e, OpAnd), func(c Clause) bool { return c.Expr.Op == OpAppleGeneric }) {
			anchored++
			require.Equal(t, Yes, Implies(e, generic, ImpliesOptions{}).Answer, v.Text)
		}
		if before != nil {
			if i := Implies(e, before, ImpliesOptions{}); i.Answer == CannotTell {
				cannot++
				t.Log(i.Reason, v.Text)
			}
		}
		before = e
	}
	assert.Greater(t, anchored, 100)
	assert.Less(t, cannot, 30)
}

// TestImpliesIsBounded asks what would take forever.
func TestImpliesIsBounded(t *testing.T) {
	t.Parallel()
	balanced := func(op Op, n int, leaf func(i int) *Expr) *Expr {
		nodes := make([]*Expr, n)
		for i := range nodes {
			nodes[i] = leaf(i)
		}
		for len(nodes) > 1 {
			var up []*Expr
			for i := 0; i+1 < len(nodes); i += 2 {
				up = append(up, &Expr{Op: op, X: nodes[i], Y: nodes[i+1]})
			}
			if len(nodes)%2 == 1 {
				up = append(up, nodes[len(nodes)-1])
			}
			nodes = up
		}
		return nodes[0]
	}
	ident := func(i int) *Expr { return &Expr{Op: OpIdent, Value: fmt.Sprint("id", i)} }
	info := func(m MatchOp) func(int) *Expr {
		return func(i int) *Expr { return &Expr{Op: OpInfo, Key: "k", Match: m, Value: fmt.Sprint("v", i, "w")} }
	}
	field := func(m MatchOp) func(int) *Expr {
		return func(i int) *Expr {
			return &Expr{Op: OpCertField, Key: "subject.CN", Match: m, Value: fmt.Sprint(i, "w", i)}
		}
	}
	long := func(op Op, m MatchOp, size, n int) *Expr {
		return balanced(OpAnd, n, func(i int) *Expr {
			return &Expr{Op: op, Key: "subject.CN", Match: m, Value: strings.Repeat(string(rune('a'+i%2)), size-i)}
		})
	}
	const n = 10_000
	shared := &Expr{Op: OpNotarized}
	for range 900 {
		shared = &Expr{Op: OpAnd, X: shared, Y: shared}
	}
	pigeons := balanced(OpAnd, 12, func(i int) *Expr {
		return balanced(OpOr, 11, func(j int) *Expr {
			return &Expr{Op: OpCertField, Slot: int32(j), Key: "subject.CN", Match: MatchEqual, Value: fmt.Sprint(i)}
		})
	})
	for name, tt := range map[string]struct {
		a, b *Expr
		want Answer
	}{
		"one of 10,000 identifiers, in another order": {balanced(OpOr, n, ident), balanced(OpOr, n, func(i int) *Expr { return ident(n - 1 - i) }), Yes},
		"one of 10,000 identifiers, but one":          {balanced(OpOr, n, ident), balanced(OpOr, n-1, ident), No},
		"all of 10,000 identifiers":                   {balanced(OpAnd, n, ident), &Expr{Op: OpNotarized}, Yes},
		"none of 10,000 identifiers":                  {&Expr{Op: OpNot, X: balanced(OpOr, n, ident)}, ident(0), No},
		"10,000 values of one key":                    {balanced(OpAnd, n, info(MatchEqual)), ident(1), CannotTell},
		"10,000 parts of one key":                     {balanced(OpAnd, n, info(MatchContains)), ident(1), CannotTell},
		"10,000 parts, one of them refused":           {balanced(OpAnd, n, field(MatchContains)), balanced(OpOr, n, field(MatchBeginsWith)), CannotTell},
		"values of 8 MB":                              {long(OpCertField, MatchBeginsWith, 8<<20, 2), long(OpCertField, MatchContains, 1<<20, 3), CannotTell},
		"values of 100 kB":                            {long(OpInfo, MatchBeginsWith, 100_000, 50), long(OpInfo, MatchEndsWith, 100_000, 50), CannotTell},
		"values of 1 kB":                              {long(OpInfo, MatchContains, 1000, 100), long(OpInfo, MatchEndsWith, 1000, 100), No},
		"10,000 slots":                                {balanced(OpAnd, n, func(i int) *Expr { return &Expr{Op: OpCertGeneric, Slot: int32(i - n/2), Key: "*"} }), ident(1), CannotTell},
		"twelve values for eleven certificates":       {pigeons, balanced(OpAnd, 3, ident), CannotTell},
		"shared operands, 2^900 of them":              {shared, ident(1), CannotTell},
		"a chain that is too deep":                    {parsed(t, strings.Repeat("identifier a and ", n)+"always"), ident(1), Yes},
		"a chain that is too deep, on the right":      {ident(1), parsed(t, strings.Repeat("identifier a or ", n)+"always"), CannotTell},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			i := Implies(tt.a, tt.b, ImpliesOptions{})
			assert.Equal(t, tt.want, i.Answer, i.Reason)
		})
	}
}
