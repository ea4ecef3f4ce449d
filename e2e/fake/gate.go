// Package fake stands before the emulator, where a test has AWS answer otherwise: late, with
// an error, not at all, or with deployments that fail. Each part is a layer that wraps
// the one after it.
package fake

import (
	"bytes"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
)

// Gate stands before the emulator and can hold back AWS's answer to an action: it is
// done, and who asked does not know yet. There a test can do what it likes, and does
// not depend on what is faster.
type Gate struct {
	mu     sync.Mutex
	action string
	held   *Held
}

// Held is an answer that is held back.
type Held struct {
	// Reached is closed when AWS has done the action.
	Reached chan struct{}
	release chan struct{}
}

// Hold holds back the next answer to an action, such as CreateVpc.
func (g *Gate) Hold(action string) *Held {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.action, g.held = action, &Held{Reached: make(chan struct{}), release: make(chan struct{})}
	return g.held
}

// Release lets the answer through.
func (h *Held) Release() { close(h.release) }

// take returns what is to be held back for a request, once.
func (g *Gate) take(action string) *Held {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.action == "" || g.action != action {
		return nil
	}
	held := g.held
	g.action, g.held = "", nil
	return held
}

// Wrap is the gate as the emulator takes it.
func (g *Gate) Wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		held := g.take(actionOf(r, body))
		if held == nil {
			next.ServeHTTP(w, r)
			return
		}
		answer := httptest.NewRecorder()
		next.ServeHTTP(answer, r)
		close(held.Reached)
		select {
		case <-held.release:
		case <-r.Context().Done(): // Who asked is gone.
			return
		}
		maps.Copy(w.Header(), answer.Header())
		w.WriteHeader(answer.Code)
		_, _ = w.Write(answer.Body.Bytes()) // Who asked may be gone by now.
	})
}

// actionOf is the action of a request: in a header, or in a form.
func actionOf(r *http.Request, body []byte) string {
	if _, action, ok := strings.Cut(r.Header.Get("X-Amz-Target"), "."); ok {
		return action
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return ""
	}
	return form.Get("Action")
}
