package balancer

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"math/big"
	"net"
	"sync"
	"time"
)

const (
	// handshake is the first byte of a TLS connection. No HTTP method begins with it.
	handshake = 0x16
	// validity is how long a certificate of the emulator's holds.
	validity = 365 * 24 * time.Hour
)

// split listens for HTTP and for TLS on one port. AWS has a port for each listener; here
// a load balancer has one, and a connection's first byte tells what it is.
type split struct {
	net.Listener
	plain, secure *half
	stop          sync.Once
	stopped       chan struct{}
	err           error
}

// half is the connections of one kind.
type half struct {
	*split
	connections chan net.Conn
}

// newSplit splits a listener, which it closes at the end.
func newSplit(listener net.Listener) *split {
	s := &split{Listener: listener, stopped: make(chan struct{})}
	s.plain, s.secure = &half{s, make(chan net.Conn)}, &half{s, make(chan net.Conn)}
	go s.run()
	return s
}

func (s *split) run() {
	for {
		connection, err := s.Accept()
		switch {
		case err == nil:
			go s.hand(connection)
		case errors.Is(err, net.ErrClosed):
			return
		default: // Such as too many open files: clients that leave make room.
			time.Sleep(firstCheck)
		}
	}
}

// hand hands a connection to its half once it has said something.
func (s *split) hand(connection net.Conn) {
	first := make([]byte, 1)
	_ = connection.SetReadDeadline(time.Now().Add(idleTimeout)) // A connection that is closed already fails to read.
	if _, err := io.ReadFull(connection, first); err != nil {
		_ = connection.Close() // The client has gone.
		return
	}
	_ = connection.SetReadDeadline(time.Time{})
	to := s.plain
	if first[0] == handshake {
		to = s.secure
	}
	select {
	case to.connections <- &begun{connection, first}:
	case <-s.stopped:
		_ = connection.Close() // Nobody serves it any more.
	}
}

// Accept returns the next connection of this kind.
func (h *half) Accept() (net.Conn, error) {
	select {
	case connection := <-h.connections:
		return connection, nil
	case <-h.stopped:
		return nil, net.ErrClosed
	}
}

// Close closes the listener, for both halves.
func (s *split) Close() error {
	s.stop.Do(func() {
		close(s.stopped)
		s.err = s.Listener.Close()
	})
	return s.err
}

// begun is a connection of which the first byte has been read.
type begun struct {
	net.Conn
	first []byte
}

func (b *begun) Read(to []byte) (int, error) {
	if len(b.first) > 0 && len(to) > 0 {
		n := copy(to, b.first)
		b.first = b.first[n:]
		return n, nil
	}
	return b.Conn.Read(to)
}

// certificates are those that load balancers show, one for each name that clients ask
// for. They are nobody's but this emulator's: ACM does not give its private keys away.
type certificates struct {
	mu    sync.Mutex
	known map[string]*tls.Certificate
}

// get returns the certificate for a client, which may ask by address, without a name.
func (c *certificates) get(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	name := hello.ServerName
	if name == "" {
		name = "localhost"
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if known := c.known[name]; known != nil {
		return known, nil
	}
	made, err := certificate(name)
	if err != nil {
		return nil, err
	}
	if c.known == nil {
		c.known = map[string]*tls.Certificate{}
	}
	c.known[name] = made
	return made, nil
}

// certificate makes one that is signed by itself.
func certificate(name string) (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()),
		Subject:      pkix.Name{CommonName: name, Organization: []string{"AWS emulator of ecs-sample-app"}},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(validity),
		DNSNames:     []string{name},
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	signed, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	return &tls.Certificate{Certificate: [][]byte{signed}, PrivateKey: key}, nil
}
