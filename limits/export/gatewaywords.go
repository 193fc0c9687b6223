package export

import (
	"fmt"
	"strings"
	"text/template"
	"time"

	"github.com/plimsoll-load/plimsoll/limits"
)

// gatewayWords are what the templates of gateways need beside the common words.
var gatewayWords = template.FuncMap{
	"nginxRate": nginxRate, "envoyBucket": envoyBucket, "haproxyRetry": haproxyRetry, "kube": kube, "traefikRate": traefikRate,
	"unitOf": unitOf, "requests": requests,
	"dict": dict, "hcl": Quote, "shell": shell,
	"tierHeader":    func() string { return TierHeader },
	"haproxyWindow": func(l limits.Limit) string { return haproxyTime(haproxyWindow(l)) },
	"haproxyExpire": func(l limits.Limit) string { return haproxyTime(max(10*time.Second, 2*haproxyWindow(l))) },
}

// dict is a map from pairs, for handing several things to a part.
func dict(pairs ...any) (map[string]any, error) {
	m := map[string]any{}
	for i := 0; i+1 < len(pairs); i += 2 {
		key, ok := pairs[i].(string)
		if !ok {
			return nil, fmt.Errorf("dict: %v is no key", pairs[i])
		}
		m[key] = pairs[i+1]
	}
	return m, nil
}

// shell is a string in single quotes for a POSIX shell.
func shell(s string) string { return "'" + strings.ReplaceAll(s, "'", `'"'"'`) + "'" }
