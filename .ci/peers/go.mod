module github.com/plimsoll-load/plimsoll/peers

go 1.26.0
