package load_test

import (
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"ecs-sample-app/e2e/load"
)

func TestWhatIsRefusedOrAnsweredWithAServersErrorIsLost(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if asked.Add(1) == 3 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	l := load.Start(t.Context(), server.URL, nil)
	for asked.Load() < 6 {
		time.Sleep(time.Millisecond)
	}
	if got := l.Stop(); len(got.Lost) != 1 || got.Sent != int(asked.Load()) {
		t.Errorf("of %d requests, one of which is answered with 503, the load tells %v: %q", asked.Load(), got, got.Lost)
	}

	server.Close()
	l = load.Start(t.Context(), server.URL, nil)
	time.Sleep(100 * time.Millisecond)
	if got := l.Stop(); got.Sent == 0 || len(got.Lost) != got.Sent {
		t.Errorf("where nothing answers, the load tells %v", got)
	}
}
