// Package spell finds the word that was most likely meant by a mistyped one.
package spell

import "strconv"

// Nearest returns the candidate that is most likely meant by a mistyped word, or
// "" when none is near enough to be worth saying. Case does not count.
func Nearest(word string, candidates []string) string {
	best, limit := "", 1+len(word)/3
	for _, c := range candidates { // the beginning of a longer name
		if len(word) >= 4 && len(c) > len(word) && c[:len(word)] == word {
			return c
		}
	}
	for _, c := range candidates {
		if d := distance(word, c, limit); d <= limit && c != word {
			best, limit = c, d-1
		}
	}
	return best
}

// DidYouMean returns `did you mean "X"?`, or "".
func DidYouMean(word string, candidates []string) string {
	if c := Nearest(word, candidates); c != "" {
		return "did you mean " + strconv.Quote(c) + "?"
	}
	return ""
}

// maxWord bounds the words that are compared, in bytes.
const maxWord = 64

// distance is the number of insertions, deletions, changes and swaps of neighbours
// between two words; anything above limit may be reported as limit+1.
func distance(a, b string, limit int) int {
	if len(a) > maxWord || len(b) > maxWord || len(a)-len(b) > limit || len(b)-len(a) > limit {
		return limit + 1
	}
	var rows [3][maxWord + 1]int
	for j := 0; j <= len(b); j++ {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		before, prev, row := &rows[(i+1)%3], &rows[(i+2)%3], &rows[i%3]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if lower(a[i-1]) == lower(b[j-1]) {
				cost = 0
			}
			row[j] = min(prev[j]+1, row[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
	}
	return rows[len(a)%3][len(b)]
}

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}
