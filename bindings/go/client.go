package virttest

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
)

// SocketVariable is the environment variable that leads to virt-test.
const SocketVariable = "VIRT_TEST_SOCKET"

// longest message that either side may send.
const longest = 16 << 20

type params map[string]any

type request struct {
	Method     string `json:"method"`
	Parameters params `json:"parameters"`
	More       bool   `json:"more,omitempty"`
}

type answer struct {
	Parameters json.RawMessage `json:"parameters"`
	Continues  bool            `json:"continues"`
	Error      string          `json:"error"`
}

// client keeps connections. Each carries one call at a time, so there are as many as there are calls at once.
type client struct {
	socket string
	mutex  sync.Mutex
	idle   []*connection
	closed bool
}

type connection struct {
	net.Conn
	reader *bufio.Reader
}

func (c *client) take(ctx context.Context) (*connection, error) {
	c.mutex.Lock()
	if c.closed {
		c.mutex.Unlock()
		return nil, errors.New("the test has been closed")
	}
	if last := len(c.idle) - 1; last >= 0 {
		taken := c.idle[last]
		c.idle = c.idle[:last]
		c.mutex.Unlock()
		return taken, nil
	}
	c.mutex.Unlock()
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "unix", c.socket)
	if err != nil {
		return nil, fmt.Errorf("virt-test does not answer at %s (is it still running?): %w", c.socket, err)
	}
	return &connection{conn, bufio.NewReader(conn)}, nil
}

func (c *client) giveBack(conn *connection) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.closed {
		conn.Close()
		return
	}
	c.idle = append(c.idle, conn)
}

func (c *client) close() {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.closed = true
	for _, conn := range c.idle {
		conn.Close()
	}
	c.idle = nil
}

// talk sends a request, and hands each answer on. A context that ends closes the connection, by which virt-test cancels the call.
func (c *client) talk(ctx context.Context, method string, in params, more bool, each func(reply json.RawMessage, continues bool) error) error {
	message, err := json.Marshal(request{method, in, more})
	if err != nil {
		return fmt.Errorf("%s: %w", method, err)
	}
	conn, err := c.take(ctx)
	if err != nil {
		return err
	}
	over := make(chan struct{})
	var watch sync.WaitGroup
	watch.Add(1)
	go func() {
		defer watch.Done()
		select {
		case <-ctx.Done():
			conn.Close()
		case <-over:
		}
	}()
	err = conn.converse(append(message, 0), each)
	close(over)
	watch.Wait()
	var refused failure
	switch {
	case ctx.Err() != nil:
		conn.Close()
		return fmt.Errorf("%s: %w", method, ctx.Err())
	case err == nil || errors.As(err, &refused):
		c.giveBack(conn)
		return err
	default:
		conn.Close()
		return fmt.Errorf("%s: %w", method, err)
	}
}

func (c *connection) converse(message []byte, each func(reply json.RawMessage, continues bool) error) error {
	if _, err := c.Write(message); err != nil {
		return fmt.Errorf("virt-test has hung up: %w", err)
	}
	for {
		text, err := c.receive()
		if err != nil {
			return err
		}
		var got answer
		if err := json.Unmarshal(text, &got); err != nil {
			return fmt.Errorf("virt-test answers what is no message: %w", err)
		}
		if got.Error != "" {
			return decodeError(got.Error, got.Parameters)
		}
		if len(got.Parameters) == 0 {
			got.Parameters = json.RawMessage("{}")
		}
		if err := each(got.Parameters, got.Continues); err != nil {
			return err
		}
		if !got.Continues {
			return nil
		}
	}
}

// receive reads up to the NUL that ends a message.
func (c *connection) receive() ([]byte, error) {
	var message []byte
	for {
		piece, err := c.reader.ReadSlice(0)
		message = append(message, piece...)
		switch {
		case err == nil:
			return bytes.TrimSuffix(message, []byte{0}), nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return nil, fmt.Errorf("virt-test has hung up: %w", err)
		case len(message) > longest:
			return nil, errors.New("virt-test answers more than 16 MiB")
		}
	}
}

func (t *Test) call(ctx context.Context, method string, in params, out any) error {
	return t.client.talk(ctx, method, in, false, func(got json.RawMessage, _ bool) error {
		if out == nil {
			return nil
		}
		return json.Unmarshal(got, out)
	})
}

// stream makes a call with many replies, of which all but the last go to each. It is one with a single reply where each is nil.
func stream[Reply any](ctx context.Context, t *Test, method string, in params, each func(Reply)) (Reply, error) {
	var last Reply
	err := t.client.talk(ctx, method, in, each != nil, func(got json.RawMessage, continues bool) error {
		var reply Reply
		if err := json.Unmarshal(got, &reply); err != nil {
			return err
		}
		if continues && each != nil {
			each(reply)
		} else {
			last = reply
		}
		return nil
	})
	return last, err
}

// address is where virt-test listens, from the environment.
func address() (string, error) {
	socket := os.Getenv(SocketVariable)
	if socket == "" {
		return "", fmt.Errorf("%s is not set: run this as a test of virt-test, or in a session of `virt-test serve`", SocketVariable)
	}
	return strings.TrimPrefix(socket, "unix:"), nil
}
