package main

import (
	"encoding/binary"
	"errors"
)

var errShort = errors.New("the message ends too early")

// How many messages lie at a path of field numbers, without decoding them.
func countNested(b []byte, path ...uint64) (int, error) {
	if len(path) == 0 {
		return 1, nil
	}
	total := 0
	for len(b) > 0 {
		key, n := binary.Uvarint(b)
		if n <= 0 {
			return total, errShort
		}
		b = b[n:]
		value, rest, err := field(b, key&7)
		if err != nil {
			return total, err
		}
		b = rest
		if key>>3 == path[0] && key&7 == 2 {
			inner, err := countNested(value, path[1:]...)
			total += inner
			if err != nil {
				return total, err
			}
		}
	}
	return total, nil
}

// One field by its wire type: its bytes, and what is behind it.
func field(b []byte, wire uint64) (value, rest []byte, err error) {
	size := 0
	switch wire {
	case 0:
		_, size = binary.Uvarint(b)
		if size <= 0 {
			return nil, nil, errShort
		}
	case 1:
		size = 8
	case 2:
		length, n := binary.Uvarint(b)
		if n <= 0 || length > uint64(len(b)-n) {
			return nil, nil, errShort
		}
		b = b[n:]
		size = int(length)
	case 5:
		size = 4
	default:
		return nil, nil, errors.New("an unknown wire type")
	}
	if size > len(b) {
		return nil, nil, errShort
	}
	return b[:size], b[size:], nil
}
