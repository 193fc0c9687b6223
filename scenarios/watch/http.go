package watch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/url"
	"strings"
	"unicode"

	"github.com/plimsoll-load/plimsoll/attack"
)

// bodyMax bounds what is read of an answer: a page of metrics may have some megabytes.
const bodyMax = 16 << 20

// wordsMax bounds what a sight keeps of an error.
const wordsMax = 200

// Why is an error in few words. An error of net/http repeats the whole URL, which may hold a secret: it is taken out.
func Why(err error) string {
	var u *url.Error
	if errors.As(err, &u) {
		if u.Timeout() {
			return "timeout"
		}
		err = u.Err
	}
	var op *net.OpError
	if errors.As(err, &op) {
		err = op.Err // without the addresses
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return "timeout"
	}
	words := []rune(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, err.Error()))
	if len(words) > wordsMax {
		words = append(words[:wordsMax], '…')
	}
	return string(words)
}

// get is the body of a 2xx answer.
func get(ctx context.Context, client *http.Client, address string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, bodyMax+1))
	switch {
	case resp.StatusCode < 200 || resp.StatusCode > 299:
		return nil, fmt.Errorf("status %d", resp.StatusCode)
	case err != nil:
		return nil, err
	case len(body) > bodyMax:
		return nil, fmt.Errorf("more than %d MB", bodyMax>>20)
	}
	return body, nil
}

// Health looks whether a URL answers 2xx.
func Health(client *http.Client, address string) Probe {
	return Probe{Name: attack.SightHealth, Look: func(ctx context.Context) (bool, float64, error) {
		_, err := get(ctx, client, address)
		return err == nil, 0, err
	}}
}

// finite is a number that can be written down.
func finite(v float64) error {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return fmt.Errorf("the value is %v", v)
	}
	return nil
}
