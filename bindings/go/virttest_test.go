package virttest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

var ctx = context.Background()

func equal(t *testing.T, got, want any) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Fatalf("got  %v\nwant %v", got, want)
	}
}

func TestWithoutASocketTheErrorNamesVirtTestServe(t *testing.T) {
	t.Setenv(SocketVariable, "")
	_, err := Connect(ctx)
	if err == nil || !strings.Contains(err.Error(), "virt-test serve") {
		t.Fatal(err)
	}
}

func TestParametersAndOptionsAreSent(t *testing.T) {
	server := serve(t, always(`{"parameters": {}}`))
	err := server.VM("vm1").WaitStatus(ctx, "paused", &WaitStatusOptions{Timeout: 1500 * time.Millisecond})
	equal(t, err, nil)
	equal(t, server.asked(t), `{"method":"org.virt-test.vm.WaitStatus","parameters":{"status":"paused","timeout":1.5,"vm":"vm1"}}`)
}

func TestWhatIsNotGivenIsNotSent(t *testing.T) {
	server := serve(t, always(`{"parameters": {"device": {"id": "extra", "kind": "nic"}}}`))
	device, err := server.VM("vm1").Plug(ctx, Device{Kind: DeviceKindNic}, nil)
	equal(t, err, nil)
	equal(t, device.Kind, DeviceKindNic)
	equal(t, device.PCI, nil)
	equal(t, server.asked(t), `{"method":"org.virt-test.vm.Plug","parameters":{"device":{"kind":"nic"},"vm":"vm1"}}`)
}

func TestAnErrorHasItsTypeAndIsACallErrorToo(t *testing.T) {
	server := serve(t, always(`{"error": "org.virt-test.error.NotFound", "parameters":
		{"message": "no vm9", "hint": "try vm1", "verdict": "error", "name": "vm9", "known": ["vm1"], "later": 1}}`))
	_, err := server.VM("vm9").Info(ctx)
	var missing *NotFoundError
	if !errors.As(err, &missing) {
		t.Fatal(err)
	}
	equal(t, missing.Known[0], "vm1")
	var any *CallError
	if !errors.As(err, &any) {
		t.Fatal(err)
	}
	equal(t, any.Code, "org.virt-test.error.NotFound")
	equal(t, err.Error(), "no vm9 (hint: try vm1)")
}

func TestAnErrorOfAnUnknownNameIsACallError(t *testing.T) {
	server := serve(t, always(`{"error": "org.varlink.service.MethodNotFound", "parameters": {"method": "x"}}`))
	err := server.Phase(ctx, "x")
	var any *CallError
	if !errors.As(err, &any) {
		t.Fatal(err)
	}
	equal(t, any.Verdict, VerdictError)
	equal(t, err.Error(), `org.varlink.service.MethodNotFound {"method": "x"}`)
}

func TestOutputComesWhileTheCommandRuns(t *testing.T) {
	seen := make(chan struct{})
	server := serve(t, func(got request, send func(string)) {
		send(`{"parameters": {"chunk": {"stderr": false, "data": "1"}}, "continues": true}`)
		<-seen
		send(`{"parameters": {"chunk": {"stderr": true, "data": "2"}}, "continues": true}`)
		send(`{"parameters": {"output": {"status": 3, "stdout": "", "stderr": "", "truncated": false, "elapsed": 0.1}}}`)
	})
	var all string
	output, err := server.VM("vm1").ExecStream(ctx, "x", nil, func(chunk Chunk) {
		all += chunk.Data
		if chunk.Data == "1" {
			close(seen)
		}
	})
	equal(t, err, nil)
	equal(t, *output.Status, 3)
	equal(t, output.OK(), false)
	equal(t, all, "12")
}

func TestAContextThatEndsHangsUpAndTheNextCallConnectsAnew(t *testing.T) {
	server := serve(t, func(got request, send func(string)) {
		if got.Method == "org.virt-test.test.Phase" {
			send(`{"parameters": {}}`)
		}
	})
	short, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
	defer cancel()
	_, err := server.VM("vm1").Exec(short, "sleep 1000", nil)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
	<-server.gone
	equal(t, server.Phase(ctx, "x"), nil)
	equal(t, server.connections, 2)
}

func TestCallsAtOnceHaveConnectionsOfTheirOwnAndLaterOnesUseThemAgain(t *testing.T) {
	both := make(chan struct{}, 2)
	release := make(chan struct{})
	server := serve(t, func(got request, send func(string)) {
		both <- struct{}{}
		<-release
		send(`{"parameters": {}}`)
	})
	results := make(chan error)
	for i := 0; i < 2; i++ {
		go func() { results <- server.Phase(ctx, "x") }()
	}
	<-both
	<-both
	close(release)
	equal(t, <-results, nil)
	equal(t, <-results, nil)
	equal(t, server.Phase(ctx, "x"), nil)
	equal(t, server.connections, 2)
}

func TestACallbackMayCall(t *testing.T) {
	server := serve(t, func(got request, send func(string)) {
		if got.Method == "org.virt-test.vm.Migrate" {
			send(`{"parameters": {"progress": {"status": "active", "transferred": 5}}, "continues": true}`)
			send(`{"parameters": {"figures": {"status": "completed"}, "standstill": 0.25}}`)
		} else {
			send(`{"parameters": {}}`)
		}
	})
	var transferred int64
	migrated, err := server.VM("vm1").Migrate(ctx, &MigrateOptions{Transport: "unix"}, func(figures Figures) {
		transferred = figures.Transferred
		equal(t, server.Phase(ctx, "under way"), nil)
	})
	equal(t, err, nil)
	equal(t, transferred, 5)
	equal(t, migrated.Figures.Status, "completed")
	equal(t, *migrated.Standstill, 0.25)
}

func TestQMPGivesWhatQEMUReturns(t *testing.T) {
	server := serve(t, always(`{"parameters": {"reply": {"return": {"status": "running"}}}}`))
	var status struct{ Status string }
	equal(t, server.VM("vm1").QMP(ctx, "query-status", nil, &status), nil)
	equal(t, status.Status, "running")
}

func TestEventsComeUntilStop(t *testing.T) {
	server := serve(t, func(got request, send func(string)) {
		send(`{"parameters": {"events": [{"seq": 0, "name": "STOP"}, {"seq": 1, "name": "RESUME"}]}, "continues": true}`)
		send(`{"parameters": {"event": {"seq": 2, "name": "RESET", "data": {"guest": true}}, "events": []}, "continues": true}`)
	})
	watch := server.VM("vm1").WatchEvents(ctx, nil)
	var names []string
	for event := range watch.C {
		names = append(names, event.Name)
		if len(names) == 3 {
			equal(t, string(event.Data), `{"guest": true}`)
			watch.Stop()
		}
	}
	equal(t, strings.Join(names, " "), "STOP RESUME RESET")
	equal(t, watch.Err(), nil)
	<-server.gone
}

func TestAServerThatHangsUpIsAnErrorThatSaysSo(t *testing.T) {
	server := serve(t, always(hangUp))
	err := server.Phase(ctx, "x")
	if err == nil || !strings.Contains(err.Error(), "org.virt-test.test.Phase: virt-test has hung up") {
		t.Fatal(err)
	}
}

func TestAMessageLongerThanTheBufferComesWhole(t *testing.T) {
	long := strings.Repeat("x", 1<<20)
	server := serve(t, always(`{"parameters": {"output": "`+long+`"}}`))
	output, err := server.VM("vm1").HMP(ctx, "info")
	equal(t, err, nil)
	equal(t, len(output), 1<<20)
}

func TestWhatEndsATestIsItsVerdict(t *testing.T) {
	unsupported := &UnsupportedError{CallError{Message: "no NUMA", Verdict: VerdictSkip}}
	for _, example := range []struct {
		err    error
		method string
		status int
	}{
		{unsupported, "Skip", 0},
		{Skipf("no %s", "disk"), "Skip", 0},
		{Errorf("broken"), "Error", 1},
		{&TimedOutError{CallError: CallError{Message: "late", Verdict: VerdictFail}}, "Fail", 1},
		{errors.New("wrong"), "Fail", 1},
	} {
		server := serve(t, always(`{"parameters": {}}`))
		equal(t, server.conclude(example.err), example.status)
		reason, _ := json.Marshal(example.err.Error())
		equal(t, server.asked(t), `{"method":"org.virt-test.test.`+example.method+`","parameters":{"reason":`+string(reason)+`}}`)
	}
	equal(t, serve(t, always(`{}`)).conclude(nil), 0)
}

func TestAPartThatFailsIsReported(t *testing.T) {
	server := serve(t, always(`{"parameters": {}}`))
	equal(t, server.Run(ctx, "half", func(context.Context) error { return errors.New("odd") }), false)
	got := server.requests[0].Parameters
	equal(t, got["name"].(string), "half")
	equal(t, got["verdict"].(string), "fail")
	equal(t, got["reason"].(string), "odd")
}
