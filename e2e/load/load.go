// Package load sends requests to a page all the while, so that a change can be told to
// lose none.
package load

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

// pause is that between two requests: 50 a second.
const pause = 20 * time.Millisecond

// patience is how long an answer may take before its request is lost.
const patience = 10 * time.Second

// Load is a steady load of requests, every second one on a connection of its own.
type Load struct {
	page    string
	clients []*http.Client
	cancel  context.CancelFunc
	all     sync.WaitGroup

	mu     sync.Mutex
	result Result
}

// Result is what became of the requests.
type Result struct {
	// Sent is the number of requests.
	Sent int
	// Lost are those that were refused, reset, answered too late or with a server's
	// error, each with its time.
	Lost []string
}

func (r Result) String() string {
	return fmt.Sprintf("%d requests, %d of them lost", r.Sent, len(r.Lost))
}

// Start sends requests to a page until Stop, or until the context ends. Redirects are
// followed, by the transport's idea of which certificates to trust; nil is Go's own.
func Start(ctx context.Context, page string, transport *http.Transport) *Load {
	if transport == nil {
		transport = &http.Transport{Proxy: http.ProxyFromEnvironment}
	}
	kept, anew := transport.Clone(), transport.Clone()
	kept.MaxIdleConnsPerHost, anew.DisableKeepAlives = 20, true
	ctx, cancel := context.WithCancel(ctx)
	l := &Load{page: page, cancel: cancel, clients: []*http.Client{{Timeout: patience, Transport: anew}, {Timeout: patience, Transport: kept}}}
	l.all.Go(func() {
		ticker := time.NewTicker(pause)
		defer ticker.Stop()
		for i := 0; ; i++ {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				l.all.Go(func() { l.ask(l.clients[i%len(l.clients)]) })
			}
		}
	})
	return l
}

// ask sends a request, which is finished also if the load ends meanwhile.
func (l *Load) ask(client *http.Client) {
	began, problem := time.Now(), ""
	// Not the load's context: what was sent is answered also if the load ends meanwhile.
	request, err := http.NewRequestWithContext(context.Background(), http.MethodGet, l.page, nil)
	if err != nil {
		panic(err) // Start was given no URL.
	}
	response, err := client.Do(request)
	if err == nil {
		_, err = io.Copy(io.Discard, response.Body)
		_ = response.Body.Close() // It is read to its end.
	}
	switch {
	case err != nil:
		problem = err.Error()
	case response.StatusCode >= http.StatusInternalServerError:
		problem = response.Status
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.result.Sent++
	if problem != "" {
		l.result.Lost = append(l.result.Lost, began.Format(time.TimeOnly)+" "+problem)
	}
}

// Stop ends the load and waits for the answers that are still to come.
func (l *Load) Stop() Result {
	l.cancel()
	l.all.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.result
}
