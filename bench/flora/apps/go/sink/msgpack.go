package main

import "errors"

// How many spans there are in [[span, …], …], or in [texts, [[span, …], …]] with `behind` 1 (Datadog's 0.4 and 0.5).
func countSpans(b []byte, behind int) (int, error) {
	if behind == 1 {
		_, rest, err := list(b)
		if err != nil {
			return 0, err
		}
		if b, err = skip(rest, 1); err != nil {
			return 0, err
		}
	}
	traces, b, err := list(b)
	total := 0
	for i := 0; i < traces && err == nil; i++ {
		var inside int
		if inside, b, err = list(b); err != nil {
			return total, err
		}
		total += inside
		b, err = skip(b, inside)
	}
	return total, err
}

// The head of a list: how many entries, and where they begin.
func list(b []byte) (int, []byte, error) {
	switch {
	case len(b) == 0:
		return 0, nil, errShort
	case b[0]>>4 == 9:
		return int(b[0] & 15), b[1:], nil
	case b[0] == 0xdc:
		n, rest, err := number(b[1:], 2)
		return n, rest, err
	case b[0] == 0xdd:
		n, rest, err := number(b[1:], 4)
		return n, rest, err
	}
	return 0, nil, errors.New("not a list")
}

func number(b []byte, size int) (int, []byte, error) {
	if len(b) < size {
		return 0, nil, errShort
	}
	n := 0
	for _, c := range b[:size] {
		n = n<<8 | int(c)
	}
	return n, b[size:], nil
}

// Bytes of values whose size follows from their first byte.
var fixed = map[byte]int{0xc0: 0, 0xc2: 0, 0xc3: 0, 0xca: 4, 0xcb: 8, 0xcc: 1, 0xcd: 2, 0xce: 4, 0xcf: 8, 0xd0: 1, 0xd1: 2,
	0xd2: 4, 0xd3: 8, 0xd4: 2, 0xd5: 3, 0xd6: 5, 0xd7: 9, 0xd8: 17}

// Bytes of the length in front of texts, byte strings and extensions, and what comes before their bytes besides.
var lengths = map[byte][2]int{0xc4: {1, 0}, 0xc5: {2, 0}, 0xc6: {4, 0}, 0xc7: {1, 1}, 0xc8: {2, 1}, 0xc9: {4, 1}, 0xd9: {1, 0},
	0xda: {2, 0}, 0xdb: {4, 0}}

// What is behind `values` values.
func skip(b []byte, values int) ([]byte, error) {
	for ; values > 0; values-- {
		if len(b) == 0 {
			return nil, errShort
		}
		first, bytes := b[0], 0
		b = b[1:]
		var err error
		switch {
		case first < 0x80 || first >= 0xe0:
		case first < 0x90:
			values += 2 * int(first&15)
		case first < 0xa0:
			values += int(first & 15)
		case first < 0xc0:
			bytes = int(first & 31)
		case first == 0xdc || first == 0xdd || first == 0xde || first == 0xdf:
			var n int
			n, b, err = number(b, 2<<(first&1))
			if first >= 0xde {
				n *= 2
			}
			values += n
		default:
			if l, ok := lengths[first]; ok {
				bytes, b, err = number(b, l[0])
				bytes += l[1]
			} else if bytes, ok = fixed[first]; !ok {
				return nil, errors.New("an unknown type")
			}
		}
		if err != nil {
			return nil, err
		}
		if len(b) < bytes {
			return nil, errShort
		}
		b = b[bytes:]
	}
	return b, nil
}
