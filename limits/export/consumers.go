package export

// consumers are the formats for those who watch the limits and those who are limited.
func consumers() []Format {
	return []Format{prometheus, prometheusTest, alertmanager}
}
