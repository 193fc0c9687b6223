package export

import (
	"text/template"
	"time"

	"github.com/plimsoll-load/plimsoll/limits"
)

// gatewayWords are what the templates of gateways need beside the common words.
var gatewayWords = template.FuncMap{
	"nginxRate": nginxRate, "envoyBucket": envoyBucket, "haproxyRetry": haproxyRetry, "kube": kube, "traefikRate": traefikRate,
	"unitOf": unitOf, "requests": requests,
	"tierHeader":    func() string { return TierHeader },
	"haproxyWindow": func(l limits.Limit) string { return haproxyTime(haproxyWindow(l)) },
	"haproxyExpire": func(l limits.Limit) string { return haproxyTime(max(10*time.Second, 2*haproxyWindow(l))) },
}
