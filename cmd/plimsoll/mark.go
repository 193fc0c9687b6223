package main

import (
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/plimsoll-load/plimsoll/attack"
)

// markBytes is the length of a mark. So few bits tell nearly every other question (one in 65,536 is taken for the same), and
// leave who guesses at a token with as many that fit as there are to guess from, over 65,536.
const markBytes = 2

// askedKey is where a mark stands in what question gives back.
const askedKey = "target.asked"

// mark tells one question from another by what outputs hide of it: the values of its queries and its bodies. It is "" where they
// hide nothing. The host is no part of it, and neither are credentials, which are another each day where they are kept well.
//
// Note: the salt is what outputs show of the question, so that finished runs can be compared with one another: the marks of one
// question are the same, and many runs tell no more of it than one.
func (w *wire) mark() (string, error) {
	shown, hidden := unmarked(w.target.Redacted()), unmarked(w.target)
	if shown == hidden {
		return "", nil
	}
	salt := sha256.Sum256([]byte(shown))
	key, err := pbkdf2.Key(sha256.New, hidden, salt[:], stretchedBy, markBytes)
	if err != nil {
		return "", fmt.Errorf("mark of the question: %w", err)
	}
	return hex.EncodeToString(key), nil
}

// unmarked is a text that two targets share exactly when they ask with the same queries and bodies.
func unmarked(t attack.Target) string {
	var b strings.Builder
	for _, r := range t.Requests {
		_, query, _ := strings.Cut(r.URL, "?")
		query, _, _ = strings.Cut(query, "#")
		fmt.Fprintf(&b, "%q %q\n", query, r.Body)
	}
	return b.String()
}

// unknownQuestion says what is not known of whether two runs were asked the same: queries and bodies, where one of them does not
// tell, and whose credentials they were sent with, which nothing may keep.
func unknownQuestion(was, is map[string]string) (notes []attack.Note) {
	if (was[askedKey] == "") != (is[askedKey] == "") {
		notes = append(notes, attack.Note{Code: "unknown-question", Text: "whether the values of queries and the bodies are those of the baseline is not known: a run of an older version does not tell, a new baseline would"})
	}
	if both := secretsIn(is); len(both) > 0 && slices.Equal(both, secretsIn(was)) {
		notes = append(notes, attack.Note{Code: "unknown-user", Text: "sent with " + strings.Join(both, ", ") + ", as the baseline was; whether with the same value, and so as the same user, is not known: it is kept nowhere"})
	}
	return notes
}

// secretsIn are the names of what a question was sent with whose value is hidden: -u, and headers.
func secretsIn(question map[string]string) (names []string) {
	for path, value := range question {
		name, hidden, _ := strings.Cut(value, ": ")
		switch {
		case path == "target.user" && value != "":
			names = append(names, "-u")
		case strings.Contains(path, ".headers.") && hidden == redactText("x"):
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
