package main

import (
	"bytes"
	"encoding/binary"
	"testing"
)

func message(number byte, inner []byte) []byte {
	out := binary.AppendUvarint([]byte{number<<3 | 2}, uint64(len(inner)))
	return append(out, inner...)
}

func TestCountsSpansOfProtobuf(t *testing.T) {
	span := append([]byte{0x08, 0x96, 0x01, 0x11, 1, 2, 3, 4, 5, 6, 7, 8}, 0x1d, 1, 2, 3, 4)
	scope := append(message(1, []byte("\x0a\x01a")), append(message(2, span), message(2, nil)...)...)
	request := append(message(1, append(message(1, nil), message(2, scope)...)), message(1, message(2, message(2, span)))...)
	if n, err := countNested(request, 1, 2, 2); n != 3 || err != nil {
		t.Fatal(n, err)
	}
	for cut := 1; cut < len(request); cut++ {
		if n, err := countNested(request[:cut], 1, 2, 2); err == nil && n == 3 {
			t.Fatalf("a message cut at %d was taken for whole", cut)
		}
	}
}

func TestCountsSpansOfMsgpack(t *testing.T) {
	span := append([]byte{0x83, 0xa4}, "name"...)
	span = append(span, 0xd9, 3, 'x', 'y', 'z', 0xa1, 'm', 0x81, 0xa1, 'k', 0xcb, 1, 2, 3, 4, 5, 6, 7, 8, 0xa1, 'l', 0xdc, 0, 2, 0x01, 0xd1, 0xff, 0xff)
	traces := append([]byte{0x92, 0x92}, bytes.Repeat(span, 2)...)
	traces = append(append(traces, 0xdc, 0, 1), span...)
	if n, err := countSpans(traces, 0); n != 3 || err != nil {
		t.Fatal(n, err)
	}
	if n, err := countSpans(append([]byte{0x92, 0x91, 0xa1, 'x'}, traces...), 1); n != 3 || err != nil {
		t.Fatal(n, err)
	}
	for cut := 0; cut < len(traces); cut++ {
		if _, err := countSpans(traces[:cut], 0); err == nil {
			t.Fatalf("a message cut at %d was taken for whole", cut)
		}
	}
}
