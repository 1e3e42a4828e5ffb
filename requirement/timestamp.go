package requirement

import "strconv"

// parseTimestamp reads YYYYMMDDhhmmssZ or YYYYMMDDhhmmss(+|-)hhmm into seconds
// since 2001-01-01T00:00:00Z; ok is false for every other text. Second 60 is
// allowed and counts as the next minute's first; the offset is not range-checked.
func parseTimestamp(s string) (seconds int64, ok bool) {
	if len(s) != 15 && len(s) != 19 {
		return 0, false
	}
	two := func(i int) int64 {
		if class[s[i]]&class[s[i+1]]&cDigit == 0 {
			ok = false
		}
		return int64(s[i]-'0')*10 + int64(s[i+1]-'0')
	}
	ok = true
	year, month, day := two(0)*100+two(2), two(4), two(6)
	hour, minute, second := two(8), two(10), two(12)
	if !ok || month < 1 || month > 12 || day < 1 || day > daysIn(year, month) || hour > 23 || minute > 59 || second > 60 {
		return 0, false
	}
	seconds = daysFrom(year, month, day)*86400 + hour*3600 + minute*60 + second
	switch {
	case len(s) == 15:
		return seconds, s[14] == 'Z'
	case s[14] != '+' && s[14] != '-':
		return 0, false
	}
	offset := two(15)*3600 + two(17)*60
	if s[14] == '-' {
		offset = -offset
	}
	return seconds - offset, ok
}

func daysIn(year, month int64) int64 {
	switch month {
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}

// epoch2001 is what the formula of daysFrom gives for 2001-01-01.
const epoch2001 = 730792

// daysFrom counts the days from 2001-01-01. Years begin in March, so that the
// leap day is the last of its year.
func daysFrom(year, month, day int64) int64 {
	if month <= 2 {
		year, month = year-1, month+12
	}
	return 365*year + floorDiv(year, 4) - floorDiv(year, 100) + floorDiv(year, 400) + (153*(month-3)+2)/5 + day - epoch2001
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// maxSeconds is the last second of the year 9999, minSeconds the first of 0000:
// what the text form can say.
const (
	minSeconds = -63145526400
	maxSeconds = 252423993599
)

// civil is a moment of the Gregorian calendar in UTC.
type civil struct{ year, month, day, hour, minute, second int64 }

// civilOf returns the calendar date of a moment; false when its year is not of
// four digits.
func civilOf(seconds int64) (c civil, ok bool) {
	if seconds < minSeconds || seconds > maxSeconds {
		return c, false
	}
	days := floorDiv(seconds, 86400)
	rest := seconds - days*86400
	c.year, c.month = 2001+floorDiv(days*400, 146097), 1
	for daysFrom(c.year, 1, 1) > days {
		c.year--
	}
	for daysFrom(c.year+1, 1, 1) <= days {
		c.year++
	}
	for c.month < 12 && daysFrom(c.year, c.month+1, 1) <= days {
		c.month++
	}
	c.day = days - daysFrom(c.year, c.month, 1) + 1
	c.hour, c.minute, c.second = rest/3600, rest/60%60, rest%60
	return c, true
}

// farOffset is the largest offset that a text can have, 99 hours and 99 minutes:
// with it a text reaches a little beyond the years of four digits.
const farOffset = 99*3600 + 99*60

// appendTimestamp appends the text of a date, YYYYMMDDhhmmssZ. It reports false,
// with b as it was, when the date has none.
func appendTimestamp(b []byte, seconds int64) ([]byte, bool) {
	zone := "Z"
	switch {
	case seconds < minSeconds && seconds >= minSeconds-farOffset:
		seconds, zone = seconds+farOffset, "+9999"
	case seconds > maxSeconds && seconds <= maxSeconds+farOffset:
		seconds, zone = seconds-farOffset, "-9999"
	}
	c, ok := civilOf(seconds)
	if !ok {
		return b, false
	}
	b = appendTwo(appendTwo(appendTwo(appendTwo(b, c.year/100), c.year%100), c.month), c.day)
	b = appendTwo(appendTwo(appendTwo(b, c.hour), c.minute), c.second)
	return append(b, zone...), true
}

// appendDumpDate appends a date as CoreFoundation describes it, as in
// "2019-04-08 00:00:00 +0000".
func appendDumpDate(b []byte, seconds int64) []byte {
	c, ok := civilOf(seconds)
	if !ok {
		return append(strconv.AppendInt(b, seconds, 10), " seconds after 2001-01-01"...)
	}
	b = append(appendTwo(appendTwo(b, c.year/100), c.year%100), '-')
	b = append(appendTwo(append(appendTwo(b, c.month), '-'), c.day), ' ')
	b = append(appendTwo(append(appendTwo(b, c.hour), ':'), c.minute), ':')
	return append(appendTwo(b, c.second), " +0000"...)
}

func appendTwo(b []byte, n int64) []byte { return append(b, byte('0'+n/10), byte('0'+n%10)) }
