//go:build !unix

package engine

// alive is not known here before a connection is used.
func (l *lane) alive() bool { return true }
