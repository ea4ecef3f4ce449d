package emulator

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"time"
)

// ownerPath is where an emulator says whose it is. It is below the path of moto's own
// API, which is not one of AWS's.
const ownerPath = "/moto-api/checkout"

// owner is the checkout that started an emulator, and how its tasks run.
type owner struct {
	Folder string `json:"folder"`
	PID    int    `json:"pid"`
	About
}

// About is what an emulator says of itself.
type About struct {
	// Engine is the container engine that tasks run on, empty where they run nowhere.
	Engine string `json:"engine"`
	// Missing is why, a line for each engine that does not answer.
	Missing string `json:"missing"`
	// Pages are the URLs of its load balancers.
	Pages []string `json:"pages"`
}

// Ask returns what the emulator at an address says of itself, and whether it is one of
// this program's.
func Ask(ctx context.Context, address string) (About, bool) {
	var by owner
	ok := ask(ctx, address, ownerPath, &by)
	return by.About, ok
}

// owned answers at ownerPath, and leaves everything else to the next handler.
func owned(folder string, about func() About, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != ownerPath {
			next.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(owner{folder, os.Getpid(), about()}) // The client may have hung up.
	})
}

// running returns the emulator that answers on an address, if this checkout may use it.
// Two checkouts on one emulator would see each other's resources, and `make down` in
// one would take away the other's.
func running(ctx context.Context, o Options) (*Emulator, error) {
	e := &Emulator{URL: "http://" + o.Address}
	var by owner
	if !ask(ctx, o.Address, ownerPath, &by) {
		e.Foreign = true
		return e, nil
	}
	if by.Folder != o.Checkout {
		return nil, fmt.Errorf("the emulator on %s is that of another checkout, %s. Do one of these:\n"+
			"  make -C '%[2]s' down   stops it, and all that is deployed to it is gone; where the folder is gone: kill %[3]d\n"+
			"  make pulumi ARGS=\"config set %[4]s http://127.0.0.1:PORT\"   gives this checkout a port of its own, in Pulumi.local.yaml", o.Address, by.Folder, by.PID, AddressKey)
	}
	return e, nil
}

// answers tells whether moto answers on an address. Its configuration is behind a
// path that nothing else has.
func answers(ctx context.Context, address string) bool {
	var config map[string]any
	return ask(ctx, address, "/moto-api/config", &config)
}

// ask gets a JSON document from an address, and tells whether there is one.
func ask(ctx context.Context, address, path string, into any) bool {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+path, nil)
	if err != nil {
		return false
	}
	direct := http.Client{Transport: &http.Transport{Proxy: nil, DisableKeepAlives: true}} // A proxy cannot reach this machine's own ports.
	response, err := direct.Do(request)
	if err != nil {
		return false
	}
	defer response.Body.Close() //nolint:errcheck // only read from
	return response.StatusCode < http.StatusMultipleChoices && json.NewDecoder(response.Body).Decode(into) == nil
}
