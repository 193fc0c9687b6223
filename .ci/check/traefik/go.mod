module check/traefik

go 1.26.0
