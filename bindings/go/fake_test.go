package virttest

import (
	"bufio"
	"context"
	"encoding/json"
	"net"
	"path/filepath"
	"sync"
	"testing"
)

// fake is a server that answers as a test says.
type fake struct {
	*Test
	mutex       sync.Mutex
	requests    []request
	connections int
	// gone gets a word for each connection that the client has closed.
	gone chan struct{}
}

const hangUp = ""

// serve starts a server that answers each request by answer, which may send as many messages as it likes, or hangUp.
func serve(t *testing.T, answer func(got request, send func(message string))) *fake {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "socket")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	server := &fake{gone: make(chan struct{}, 100)}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go server.talk(conn, answer)
		}
	}()
	server.Test, err = ConnectTo(context.Background(), socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		server.Close()
		listener.Close()
	})
	return server
}

func (f *fake) talk(conn net.Conn, answer func(request, func(string))) {
	defer conn.Close()
	f.mutex.Lock()
	f.connections++
	f.mutex.Unlock()
	reader := bufio.NewReader(conn)
	for {
		text, err := reader.ReadBytes(0)
		if err != nil {
			f.gone <- struct{}{}
			return
		}
		var got request
		if json.Unmarshal(text[:len(text)-1], &got) != nil {
			return
		}
		f.mutex.Lock()
		f.requests = append(f.requests, got)
		f.mutex.Unlock()
		answer(got, func(message string) {
			if message == hangUp {
				conn.Close()
			} else {
				conn.Write(append([]byte(message), 0))
			}
		})
	}
}

// always answers every request with one message.
func always(message string) func(request, func(string)) {
	return func(_ request, send func(string)) { send(message) }
}

// asked gives the only request there was, as JSON.
func (f *fake) asked(t *testing.T) string {
	t.Helper()
	f.mutex.Lock()
	defer f.mutex.Unlock()
	if len(f.requests) != 1 {
		t.Fatalf("%d requests: %v", len(f.requests), f.requests)
	}
	text, _ := json.Marshal(f.requests[0])
	return string(text)
}
