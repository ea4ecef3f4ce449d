package emulator

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/url"
	"slices"
	"sync"
	"time"
)

const (
	// logPause is how long lines are collected before they are sent.
	logPause = 500 * time.Millisecond
	// maxLine is the longest line that CloudWatch Logs takes
	// (https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html).
	maxLine = 256 << 10
	// maxBatch is how many lines it takes at once.
	maxBatch = 10000
)

// logStream writes lines to a stream of CloudWatch Logs.
type logStream struct {
	api                   *api
	region, group, stream string

	mu     sync.Mutex
	begun  []byte // a line without its end
	events []logEvent
	timer  *time.Timer
}

type logEvent struct {
	Timestamp int64  `json:"timestamp"`
	Message   string `json:"message"`
}

// logsTarget is what actions of CloudWatch Logs begin with.
const logsTarget = "Logs_20140328."

// Log begins a log stream, by the options of the driver awslogs. Its group has to be
// there, as for a task on Fargate.
func (a *api) Log(ctx context.Context, options map[string]string, stream string) (io.WriteCloser, error) {
	l := &logStream{api: a, region: options["awslogs-region"], group: options["awslogs-group"], stream: stream}
	err := a.json(ctx, "logs", l.region, logsTarget+"CreateLogStream", map[string]string{"logGroupName": l.group, "logStreamName": stream}, nil)
	if err != nil {
		return nil, fmt.Errorf("create the log stream %s in %s: %w", stream, l.group, err)
	}
	return l, nil
}

// Write takes in output, and sends its lines in a while.
func (l *logStream) Write(output []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.begun = append(l.begun, output...)
	for {
		line, rest, found := bytes.Cut(l.begun, []byte("\n"))
		if !found && len(line) < maxLine {
			break
		}
		if len(line) > maxLine {
			line, rest = l.begun[:maxLine], l.begun[maxLine:]
		}
		l.add(line)
		l.begun = rest
	}
	if len(l.events) > 0 && l.timer == nil {
		l.timer = time.AfterFunc(logPause, l.flush)
	}
	return len(output), nil
}

func (l *logStream) add(line []byte) {
	if line = bytes.TrimRight(line, "\r"); len(line) > 0 { // An empty message is refused.
		l.events = append(l.events, logEvent{time.Now().UnixMilli(), string(line)})
	}
}

// flush sends what there is.
func (l *logStream) flush() {
	l.mu.Lock()
	events := l.events
	l.events, l.timer = nil, nil
	l.mu.Unlock()
	for len(events) > 0 {
		n := min(len(events), maxBatch)
		// What moto does not take any more is lost, as the group is.
		_ = l.api.json(context.Background(), "logs", l.region, logsTarget+"PutLogEvents",
			map[string]any{"logGroupName": l.group, "logStreamName": l.stream, "logEvents": events[:n]}, nil)
		events = events[n:]
	}
}

// Close sends what is left.
func (l *logStream) Close() error {
	l.mu.Lock()
	l.add(l.begun)
	l.begun = nil
	l.mu.Unlock()
	l.flush()
	return nil
}

// LogLine is a line in a log stream.
type LogLine struct {
	Time            time.Time
	Stream, Message string
}

// Logs returns what is in all log groups of a region of the emulator at an address, the
// oldest first.
func Logs(ctx context.Context, address, region string) ([]LogLine, error) {
	a := newAPI(&url.URL{Scheme: "http", Host: address})
	var groups struct {
		LogGroups []struct{ LogGroupName string }
	}
	if err := a.json(ctx, "logs", region, logsTarget+"DescribeLogGroups", map[string]string{}, &groups); err != nil {
		return nil, err
	}
	var all []LogLine
	for _, g := range groups.LogGroups {
		question := map[string]any{"logGroupName": g.LogGroupName, "interleaved": true}
		for {
			var found struct {
				Events []struct {
					Timestamp     int64
					LogStreamName string
					Message       string
				}
				NextToken string
			}
			if err := a.json(ctx, "logs", region, logsTarget+"FilterLogEvents", question, &found); err != nil {
				return nil, err
			}
			for _, e := range found.Events {
				all = append(all, LogLine{time.UnixMilli(e.Timestamp), e.LogStreamName, e.Message})
			}
			if found.NextToken == "" {
				break
			}
			question["nextToken"] = found.NextToken
		}
	}
	slices.SortStableFunc(all, func(a, b LogLine) int { return a.Time.Compare(b.Time) })
	return all, nil
}
