package attack

import "strconv"

// Plural is a number of things in words, for things that only take an s: 1 request, 2 requests.
func Plural[N ~int | ~int64](n N, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return strconv.FormatInt(int64(n), 10) + " " + thing + "s"
}

// Were is a number of things with the verb that follows it: 1 request was, 2 requests were.
func Were[N ~int | ~int64](n N, thing string) string {
	if n == 1 {
		return "1 " + thing + " was"
	}
	return Plural(n, thing) + " were"
}
