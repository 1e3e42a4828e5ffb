package plist

import (
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	xmlDecl = `<?xml version="1.0" encoding="UTF-8"?>`
	docType = `<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">`
)

func inPlist(s string) string { return "<plist>" + s + "</plist>" }

// goodXML has one claim per name: the document is accepted with this value.
func goodXML(t testing.TB) map[string]struct {
	in   string
	want Value
} {
	one := mustDict(t, Entry{"a", Int(1)})
	return map[string]struct {
		in   string
		want Value
	}{
		"what plutil writes": {xmlDecl + "\n" + docType + "\n<plist version=\"1.0\">\n<dict>\n\t<key>a</key>\n\t<integer>1</integer>\n</dict>\n</plist>\n", one},
		"what old tools wrote": {`<?xml version='1.0' encoding='utf-8' standalone='no' ?><!DOCTYPE plist PUBLIC "-//Apple Computer//DTD PLIST 1.0//EN"` +
			` 'http://www.apple.com/DTDs/PropertyList-1.0.dtd' ><plist version = '0.9' ><dict ><key >a</key ><integer >1</integer ></dict ></plist >`, one},
		"a document type by system":           {`<!DOCTYPE plist SYSTEM "file://localhost/PropertyList.dtd">` + inPlist("<true/>"), Bool(true)},
		"a declaration without encoding":      {`<?xml version="1.0"?>` + inPlist("<true/>"), Bool(true)},
		"ASCII in lower case":                 {`<?xml version="1.0" encoding="us-ascii"?>` + inPlist("<true/>"), Bool(true)},
		"no prolog at all":                    {inPlist("<false/>"), Bool(false)},
		"another public identifier":           {`<!DOCTYPE plist PUBLIC "-//Apple Inc.//DTD PLIST 1.0//EN" "x">` + inPlist("<true/>"), Bool(true)},
		"a public identifier alone":           {`<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN">` + inPlist("<true/>"), Bool(true)},
		"a document type without identifier":  {`<!DOCTYPE plist>` + inPlist("<true/>"), Bool(true)},
		"white space before a declaration":    {"  \n" + xmlDecl + inPlist("<true/>"), Bool(true)},
		"white space in front":                {"\r\n\t " + inPlist("<false/>"), Bool(false)},
		"booleans with an end tag":            {inPlist("<array><true></true><false></false ></array>"), Array(Bool(true), Bool(false))},
		"comments between elements":           {"<!-- a --><!--b-c--><plist><!----><dict><!--x--><key>a</key><!--y--><integer>1</integer><!--z--></dict><!----></plist>", one},
		"a comment may hold markup":           {"<!-- <key>b</key> <![CDATA[ ]]> &x; -->" + inPlist("<true/>"), Bool(true)},
		"elements that close themselves":      {inPlist("<array><string/><dict/><array /></array>"), Array(String(""), mustDict(t), Array())},
		"an empty key":                        {inPlist("<dict><key/><true/></dict>"), mustDict(t, Entry{"", Bool(true)})},
		"empty elements":                      {inPlist("<array><string></string><dict></dict><array> </array><data>\n</data></array>"), Array(String(""), mustDict(t), Array(), Data(nil))},
		"the five entities":                   {inPlist("<string>&lt;&gt;&amp;&apos;&quot;</string>"), String(`<>&'"`)},
		"characters by number":                {inPlist("<string>&#65;&#x42;&#x1F600;&#1114109;&#9;&#13;</string>"), String("AB😀\U0010fffd\t\r")},
		"CDATA in a string":                   {inPlist("<string>a<![CDATA[<b>&amp;]] ]]>c<![CDATA[]]></string>"), String("a<b>&amp;]] c")},
		"white space of a string is kept":     {inPlist("<string> a\r\n\tb </string>"), String(" a\r\n\tb ")},
		"entities in a key":                   {inPlist("<dict><key>&#97;</key><integer>1</integer></dict>"), one},
		"integers":                            {inPlist("<array><integer>0</integer><integer>-1</integer><integer>+2</integer><integer>007</integer><integer> 8</integer></array>"), Array(Int(0), Int(-1), Int(2), Int(7), Int(8))},
		"hexadecimal integers":                {inPlist("<array><integer>0x1F</integer><integer>-0Xff</integer></array>"), Array(Int(31), Int(-255))},
		"the smallest and the largest":        {inPlist("<array><integer>-9223372036854775808</integer><integer>0x7fffffffffffffff</integer></array>"), Array(Int(math.MinInt64), Int(math.MaxInt64))},
		"reals":                               {inPlist("<array><real>1</real><real>-.5</real><real>+1.e3</real></array>"), Array(Real(1), Real(-.5), Real(1000))},
		"names of reals":                      {inPlist("<array><real>NaN</real><real>+infinity</real><real>-inf</real></array>"), Array(Real(math.NaN()), Real(math.Inf(1)), Real(math.Inf(-1)))},
		"a leap day":                          {inPlist("<date>2004-02-29T23:59:59Z</date>"), DateAt(99791999)},
		"the first and the last date":         {inPlist("<array><date>0001-01-01T00:00:00Z</date><date>9999-12-31T23:59:59Z</date></array>"), Array(DateAt(firstSecond), DateAt(endSecond-1))},
		"data over lines":                     {inPlist("<data>\n\tAAEC\n\tAw==\n</data>"), Data([]byte{0, 1, 2, 3})},
		"keys in any order":                   {inPlist("<dict><key>b</key><true/><key>a</key><true/></dict>"), mustDict(t, Entry{"a", Bool(true)}, Entry{"b", Bool(true)})},
		"keys are compared byte for byte":     {inPlist("<dict><key>a</key><true/><key>A</key><true/></dict>"), mustDict(t, Entry{"a", Bool(true)}, Entry{"A", Bool(true)})},
		"a UID key among others is a key":     {inPlist("<dict><key>CF$UID</key><integer>1</integer><key>a</key><true/></dict>"), mustDict(t, Entry{"CF$UID", Int(1)}, Entry{"a", Bool(true)})},
		"the deepest list":                    {inPlist(strings.Repeat("<array>", MaxDepth) + strings.Repeat("</array>", MaxDepth)), nested(MaxDepth)},
		"characters beyond the basic plane":   {inPlist("<string>é😀\u202e</string>"), String("é😀\u202e")},
		"a greater-than sign is text":         {inPlist("<string>a>b]></string>"), String("a>b]>")},
		"a comment is text inside CDATA":      {inPlist("<string><![CDATA[<!-- -->]]></string>"), String("<!-- -->")},
		"a declaration may spell utf8":        {`<?xml version="1.0" encoding="utf8"?>` + inPlist("<true/>"), Bool(true)},
		"a root that is no dictionary is one": {inPlist("<string>x</string>"), String("x")},
	}
}

// nested is an empty array inside n-1 others.
func nested(n int) Value {
	v := Array()
	for range n - 1 {
		v = Array(v)
	}
	return v
}

var badXML = map[string]string{
	"nothing":                              ``,
	"text only":                            `hello`,
	"an old-style list":                    `{ a = 1; }`,
	"another root":                         `<dict></dict>`,
	"a root that begins like plist":        `<plists><true/></plists>`,
	"a plist in a plist":                   inPlist(inPlist("<true/>")),
	"an empty plist":                       `<plist></plist>`,
	"a plist that closes itself":           `<plist/>`,
	"a byte order mark":                    "\ufeff" + inPlist("<true/>"),
	"UTF-16":                               "\xfe\xff\x00<\x00p",
	"a second root":                        inPlist("<true/><false/>"),
	"text behind the root":                 inPlist("<true/>x"),
	"an element behind the plist":          inPlist("<true/>") + inPlist("<false/>"),
	"text behind the plist":                inPlist("<true/>") + "x",
	"a NUL behind the plist":               inPlist("<true/>") + "\x00",
	"a comment behind the plist":           inPlist("<true/>") + "<!-- -->",
	"a document without end":               `<plist><true/>`,
	"two declarations":                     xmlDecl + xmlDecl + inPlist("<true/>"),
	"version 1.1":                          `<?xml version="1.1"?>` + inPlist("<true/>"),
	"a declaration without version":        `<?xml encoding="UTF-8"?>` + inPlist("<true/>"),
	"an empty declaration":                 `<?xml?>` + inPlist("<true/>"),
	"a declaration in another order":       `<?xml version="1.0" standalone="no" encoding="UTF-8"?>` + inPlist("<true/>"),
	"the version twice":                    `<?xml version="1.0" version="1.0"?>` + inPlist("<true/>"),
	"an unknown word in a declaration":     `<?xml version="1.0" key="1"?>` + inPlist("<true/>"),
	"standalone maybe":                     `<?xml version="1.0" standalone="maybe"?>` + inPlist("<true/>"),
	"another encoding":                     `<?xml version="1.0" encoding="UTF-7"?>` + inPlist("<true/>"),
	"UTF-16 by declaration only":           `<?xml version="1.0" encoding="UTF-16"?>` + inPlist("<true/>"),
	"ASCII that is not":                    `<?xml version="1.0" encoding="ASCII"?>` + inPlist("<string>é</string>"),
	"a declaration without end":            `<?xml version="1.0"`,
	"a processing instruction in front":    `<?x y?>` + inPlist("<true/>"),
	"a processing instruction inside":      inPlist("<?x y?><true/>"),
	"a processing instruction in a string": inPlist("<string><?x?></string>"),
	"another document type":                `<!DOCTYPE html>` + inPlist("<true/>"),
	"two document types":                   docType + docType + inPlist("<true/>"),
	"an internal document type":            `<!DOCTYPE plist [<!ENTITY a "b">]>` + inPlist("<string>&a;</string>"),
	"an internal part behind Apple's":      strings.TrimSuffix(docType, ">") + ` [<!ENTITY a "b">]>` + inPlist("<true/>"),
	"a billion laughs": `<!DOCTYPE plist SYSTEM "x" [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>` +
		inPlist("<string>&b;</string>"),
	"an unknown entity":                  inPlist("<string>&nbsp;</string>"),
	"an entity without end":              inPlist("<string>&lt</string>"),
	"an ampersand alone":                 inPlist("<string>a & b</string>"),
	"a reference without digits":         inPlist("<string>&#;</string>"),
	"a hexadecimal one without digits":   inPlist("<string>&#x;</string>"),
	"a capital X":                        inPlist("<string>&#X41;</string>"),
	"digits of the other base":           inPlist("<string>&#4a;</string>"),
	"a NUL by reference":                 inPlist("<string>&#0;</string>"),
	"a control character by reference":   inPlist("<string>&#x1;</string>"),
	"a surrogate by reference":           inPlist("<string>&#xd800;</string>"),
	"a character beyond Unicode":         inPlist("<string>&#x110000;</string>"),
	"a number too long":                  inPlist("<string>&#00000065;</string>"),
	"a raw NUL":                          inPlist("<string>\x00</string>"),
	"a raw control character":            inPlist("<string>\x1b</string>"),
	"a noncharacter":                     inPlist("<string>\uffff</string>"),
	"a string that is not UTF-8":         inPlist("<string>\xff</string>"),
	"an encoded surrogate":               inPlist("<string>\xed\xa0\x80</string>"),
	"a comment that is not UTF-8":        "<!-- \xff -->" + inPlist("<true/>"),
	"a psychic comment":                  inPlist("<dict><!---><!--><key>a</key><true/><!-- --></dict>"),
	"a psychic comment, other form":      inPlist("<dict><!--><!---><key>a</key><true/><!-- --></dict>"),
	"a comment with two dashes":          inPlist("<!-- a -- b --><true/>"),
	"a comment with three dashes":        inPlist("<!-- a ---><true/>"),
	"a nested comment":                   inPlist("<!-- <!-- a --> --><true/>"),
	"a comment without end":              inPlist("<!-- <true/>"),
	"a comment in a string":              inPlist("<string>a<!-- b --></string>"),
	"a comment in a key":                 inPlist("<dict><key>a<!-- b --></key><true/></dict>"),
	"a comment in an integer":            inPlist("<integer>1<!-- 2 --></integer>"),
	"a comment in a boolean":             inPlist("<true><!-- --></true>"),
	"CDATA in a key":                     inPlist("<dict><key><![CDATA[a]]></key><true/></dict>"),
	"CDATA between elements":             inPlist("<dict><![CDATA[]]><key>a</key><true/></dict>"),
	"CDATA without end":                  inPlist("<string><![CDATA[a</string>"),
	"CDATA in lower case":                inPlist("<string><![cdata[a]]></string>"),
	"the end of CDATA outside":           inPlist("<string>a]]>b</string>"),
	"duplicate keys":                     inPlist("<dict><key>a</key><true/><key>b</key><true/><key>a</key><false/></dict>"),
	"duplicate keys by entity":           inPlist("<dict><key>a</key><true/><key>&#97;</key><false/></dict>"),
	"duplicate empty keys":               inPlist("<dict><key/><true/><key></key><false/></dict>"),
	"duplicate keys deep inside":         inPlist("<array><dict><key>x</key><dict><key>a</key><true/><key>a</key><true/></dict></dict></array>"),
	"a key without value":                inPlist("<dict><key>a</key></dict>"),
	"two keys in a row":                  inPlist("<dict><key>a</key><key>b</key><true/></dict>"),
	"a value without key":                inPlist("<dict><true/></dict>"),
	"a string as key":                    inPlist("<dict><string>a</string><true/></dict>"),
	"a key in an array":                  inPlist("<array><key>a</key></array>"),
	"text in a dictionary":               inPlist("<dict>a</dict>"),
	"text in an array":                   inPlist("<array>a</array>"),
	"text in a boolean":                  inPlist("<true>x</true>"),
	"a space in a boolean":               inPlist("<true> </true>"),
	"an attribute of a dictionary":       inPlist(`<dict a="b"></dict>`),
	"an attribute with the name of one":  inPlist(`<string key="b"></string>`),
	"another attribute of plist":         `<plist encoding="1.0"><true/></plist>`,
	"two attributes of plist":            `<plist version="1.0" version="1.0"><true/></plist>`,
	"an attribute without quotes":        `<plist version=1.0><true/></plist>`,
	"an unknown element":                 inPlist("<set></set>"),
	"an element in capitals":             inPlist("<TRUE/>"),
	"a name space":                       inPlist("<p:true/>"),
	"a name of an attribute":             inPlist("<version/>"),
	"an end tag of another element":      inPlist("<array></dict>"),
	"an end tag that goes on":            inPlist("<array></arrays>"),
	"an end tag with an attribute":       inPlist(`<array></array version="1">`),
	"elements that overlap":              inPlist("<dict><key>a</dict></key>"),
	"an element in a string":             inPlist("<string><true/></string>"),
	"a space before the name":            inPlist("< true/>"),
	"a slash with a space behind":        inPlist("<true/ >"),
	"a tag without end":                  "<plist><true",
	"a string without end":               "<plist><string>a",
	"an integer without end":             "<plist><integer>1",
	"an empty integer":                   inPlist("<integer></integer>"),
	"an integer that closes itself":      inPlist("<integer/>"),
	"a real that closes itself":          inPlist("<real/>"),
	"a date that closes itself":          inPlist("<date/>"),
	"data that closes itself":            inPlist("<data/>"),
	"a sign alone":                       inPlist("<integer>-</integer>"),
	"two signs":                          inPlist("<integer>--1</integer>"),
	"a second sign behind 0x":            inPlist("<integer>0x-1</integer>"),
	"0x alone":                           inPlist("<integer>0x</integer>"),
	"an integer with a fraction":         inPlist("<integer>1.0</integer>"),
	"an integer with underscores":        inPlist("<integer>1_000</integer>"),
	"an integer of other digits":         inPlist("<integer>١</integer>"),
	"white space behind an integer":      inPlist("<integer>1 </integer>"),
	"white space behind a sign":          inPlist("<integer>- 1</integer>"),
	"an integer by reference":            inPlist("<integer>&#49;</integer>"),
	"an integer above 64 bits":           inPlist("<integer>9223372036854775808</integer>"),
	"an integer below 64 bits":           inPlist("<integer>-9223372036854775809</integer>"),
	"an unsigned hexadecimal integer":    inPlist("<integer>0xffffffffffffffff</integer>"),
	"an integer of a million digits":     inPlist("<integer>" + strings.Repeat("0", 1e6) + "1</integer>"),
	"an empty real":                      inPlist("<real></real>"),
	"a real that is text":                inPlist("<real>one</real>"),
	"a hexadecimal real":                 inPlist("<real>0x1p4</real>"),
	"a real beyond 64 bits":              inPlist("<real>1e999</real>"),
	"a real in spaces":                   inPlist("<real> 1 </real>"),
	"a date without zone":                inPlist("<date>2004-02-29T23:59:59</date>"),
	"a date of another zone":             inPlist("<date>2004-02-29T23:59:59+01:00</date>"),
	"a date with a fraction":             inPlist("<date>2004-02-29T23:59:59.5Z</date>"),
	"a date without time":                inPlist("<date>2004-02-29</date>"),
	"a day that does not exist":          inPlist("<date>2005-02-29T00:00:00Z</date>"),
	"a leap second":                      inPlist("<date>2004-12-31T23:59:60Z</date>"),
	"an hour of one digit":               inPlist("<date>2004-02-29T3:04:05Z</date>"),
	"the year zero":                      inPlist("<date>0000-01-01T00:00:00Z</date>"),
	"a negative year":                    inPlist("<date>-001-01-01T00:00:00Z</date>"),
	"data without padding":               inPlist("<data>AAE</data>"),
	"data behind the padding":            inPlist("<data>AA==AA==</data>"),
	"data with other characters":         inPlist("<data>AA-_</data>"),
	"data with bits behind its end":      inPlist("<data>AB==</data>"),
	"a UID in the XML form":              inPlist("<dict><key>CF$UID</key><integer>1</integer></dict>"),
	"one level too many":                 inPlist(strings.Repeat("<array>", MaxDepth+1) + strings.Repeat("</array>", MaxDepth+1)),
	"a million levels of array":          "<plist>" + strings.Repeat("<array>", 1e6),
	"a million levels of dictionary":     "<plist>" + strings.Repeat("<dict><key>a</key>", 1e6),
	"a million and one values":           inPlist("<array>" + strings.Repeat("<true/>", 1e6) + "</array>"),
	"an open quote in the document type": `<!DOCTYPE plist SYSTEM "x>` + inPlist("<true/>")[:3],
}

func TestXMLAccepts(t *testing.T) {
	t.Parallel()
	for name, tt := range goodXML(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v, err := Parse([]byte(tt.in), Options{})
			require.NoError(t, err)
			assert.True(t, v.Equal(tt.want), "got %v, want %v", v, tt.want)
			again, err := Parse(EncodeXML(v), Options{})
			require.NoError(t, err)
			assert.True(t, v.Equal(again), "got %v, want %v", again, v)
			requireJSONRoundTrip(t, v)
		})
	}
}

func TestXMLRefuses(t *testing.T) {
	t.Parallel()
	for name, in := range badXML {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v, err := Parse([]byte(in), Options{})
			requireSyntax(t, err, len(in))
			assert.Equal(t, Invalid, v.Kind(), "no value beside an error")
		})
	}
}

func TestXMLErrorsSayWhereAndWhat(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"duplicate keys":           `offset 0x33: duplicate key "a"`,
		"a psychic comment":        `offset 0xd: got a comment that some parsers end at once`,
		"text behind the plist":    `offset 0x16: got 'x' behind </plist>, want the end`,
		"a second root":            `offset 0xe: got a second value <false>, want </plist>`,
		"an integer above 64 bits": `offset 0x10: got "9223372036854775808" in <integer>, want a decimal or 0x number of 64 bits`,
		"a string without end":     `offset 0x10: got the end of the input, want </string>`,
		"a comment in a key":       `offset 0x13: got a comment, want </key>`,
		"an unknown element":       `offset 0x8: got the name "set", which no property list has`,
	} {
		_, err := Parse([]byte(badXML[name]), Options{})
		assert.EqualError(t, err, want, name)
	}
}

func TestOptionsWeakenOneThingEach(t *testing.T) {
	t.Parallel()
	v, err := Parse([]byte("\ufeff"+xmlDecl+inPlist("<true/>")), Options{AllowBOM: true})
	require.NoError(t, err)
	assert.True(t, v.Equal(Bool(true)))
	_, err = Parse([]byte("\ufeff\ufeff"+inPlist("<true/>")), Options{AllowBOM: true})
	require.Error(t, err)

	three := []byte(inPlist("<array><true/><true/></array>"))
	_, err = Parse(three, Options{MaxValues: 3})
	require.NoError(t, err)
	_, err = Parse(three, Options{MaxValues: 2})
	require.Error(t, err)
}

func TestEncodeXMLLooksLikePlutil(t *testing.T) {
	t.Parallel()
	v := mustDict(t, Entry{"b", Array(Int(-1), Real(0.5), Real(math.NaN()), Bool(true), String("<\r>"), DateAt(0))},
		Entry{"a", Data([]byte(strings.Repeat("x", 52)))}, Entry{"c", mustDict(t)}, Entry{"d", Data(nil)})
	assert.Equal(t, xmlHead+`<dict>
	<key>a</key>
	<data>
	eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4
	eA==
	</data>
	<key>b</key>
	<array>
		<integer>-1</integer>
		<real>0.5</real>
		<real>nan</real>
		<true/>
		<string>&lt;&#13;&gt;</string>
		<date>2001-01-01T00:00:00Z</date>
	</array>
	<key>c</key>
	<dict/>
	<key>d</key>
	<data>
	</data>
</dict>
</plist>
`, string(EncodeXML(v)))
}

func TestEncodeXMLNeverTurnsOneValueIntoAnother(t *testing.T) {
	t.Parallel()
	for name, v := range map[string]Value{
		"a NUL":                      String("\x00"),
		"a noncharacter":             String("\ufffe"),
		"a date before the year 1":   DateAt(firstSecond - 1),
		"a date between seconds":     DateAt(0.5),
		"a date behind 9999":         DateAt(endSecond),
		"the zero Value":             {},
		"a dictionary that is a UID": mustDict(t, Entry{"CF$UID", Int(1)}),
	} {
		_, err := Parse(EncodeXML(v), Options{})
		assert.Error(t, err, name)
	}
}

func TestLooseCommentsAreAnOption(t *testing.T) {
	t.Parallel()
	doc := "<!-- ---- section ---- -->" + inPlist("<true/>")
	_, err := ParseXML([]byte(doc), Options{})
	assert.Error(t, err)
	v, err := ParseXML([]byte(doc), Options{AllowLooseComments: true})
	require.NoError(t, err)
	assert.True(t, v.Equal(Bool(true)))
	for _, odd := range []string{"<!-->", "<!--->", "<!-- --", "<!-- -- >"} {
		_, err := ParseXML([]byte(odd+inPlist("<true/>")), Options{AllowLooseComments: true})
		assert.Error(t, err, odd)
	}
}
