package macho

import (
	"bufio"
	_ "embed"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

//go:embed unicode/decompositions.txt
var decompositionTable string

// decompositions maps characters to what they are made of.
var decompositions = sync.OnceValue(func() map[rune][]rune {
	table := make(map[rune][]rune, 2100)
	for sc := bufio.NewScanner(strings.NewReader(decompositionTable)); sc.Scan(); {
		if strings.HasPrefix(sc.Text(), "#") {
			continue
		}
		var rs []rune
		for f := range strings.FieldsSeq(sc.Text()) {
			n, _ := strconv.ParseUint(f, 16, 32)
			rs = append(rs, rune(n))
		}
		table[rs[0]] = rs[1:]
	}
	return table
})

// foldName gives two names the same text when a file system of a Mac may take them
// for one: case does not count, nor whether an accented letter is one character or
// two. It may also join a few names that differ only in the order of accents.
func foldName(name string) string {
	ascii := true
	for i := 0; i < len(name) && ascii; i++ {
		ascii = name[i] < utf8.RuneSelf
	}
	if ascii {
		return strings.ToLower(name)
	}
	table := decompositions()
	var out []rune
	for _, r := range name {
		if r >= 0xac00 && r <= 0xd7a3 { // Hangul syllables are computed
			s := r - 0xac00
			out = append(out, 0x1100+s/588, 0x1161+s%588/28)
			if t := s % 28; t != 0 {
				out = append(out, 0x11a7+t)
			}
			continue
		}
		if d, ok := table[r]; ok {
			out = append(out, d...)
		} else {
			out = append(out, r)
		}
	}
	for i, r := range out {
		out[i] = folded(r)
	}
	for i := 0; i < len(out); {
		end := i
		for end < len(out) && unicode.Is(unicode.Mn, out[end]) {
			end++
		}
		slices.Sort(out[i:end])
		i = end + 1
	}
	return string(out)
}

// folded is the smallest of the characters that differ from r in case only.
func folded(r rune) rune {
	least := r
	for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
		least = min(least, f)
	}
	if least < utf8.RuneSelf {
		return unicode.ToLower(least)
	}
	return least
}
