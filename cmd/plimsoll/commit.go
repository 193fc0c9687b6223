package main

import (
	"errors"
	"os"
	"regexp"
)

// commit names what was measured in its repository: a hash, a tag or a branch.
type commit string

// commitForm is what git takes for a name, and nothing that could do harm in a page, a table or a file.
var commitForm = regexp.MustCompile(`^[0-9A-Za-z][0-9A-Za-z._/@+-]{0,99}$`)

func (c *commit) String() string { return string(*c) }
func (c *commit) Type() string   { return "string" }
func (c *commit) Set(v string) error {
	if !commitForm.MatchString(v) {
		return errors.New("want a hash, tag or branch, of at most 100 letters, digits and ._/@+-")
	}
	*c = commit(v)
	return nil
}

// commitVariables are where CI systems say what they have checked out: GitHub, GitLab, Jenkins.
var commitVariables = []string{"GITHUB_SHA", "CI_COMMIT_SHA", "GIT_COMMIT"}

// measured is the commit that this run measures, "" where nobody says. What the environment says amiss is no error of the
// user's.
func (a *app) measured() commit {
	c := a.commit
	for _, name := range commitVariables {
		if c != "" {
			break
		}
		_ = c.Set(os.Getenv(name))
	}
	return c
}
