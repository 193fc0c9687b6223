// Package report shows a run: Fold makes a Report of a journal, and the renderers write it as text, Markdown, JSON, one
// self-contained HTML page and PNG charts.
//
// It measures and judges nothing, and it asks neither clock nor network: the same journal gives the same bytes of every
// output.
package report
