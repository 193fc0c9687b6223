package report

import "testing"

// TestWhatHangsIsSetApart from what stands before it, however long that is.
func TestWhatHangsIsSetApart(t *testing.T) {
	for _, row := range []struct{ first, rest, want string }{
		{"ab  ", "    ", "ab  text\n"},
		{"abcd", "    ", "abcd\n    text\n"},
		{"abcde", "    ", "abcde\n    text\n"},
		{"", "", "text\n"},
	} {
		var p page80
		if p.hanging(row.first, row.rest, "text"); p.String() != row.want {
			t.Errorf("%q: %q, want %q", row.first, p.String(), row.want)
		}
	}
}
