# The work is done by scripts/make.sh, so that a machine without make can do it too: npm run demo, npm test.
KERNEL ?= 6.1
TARGETS := build setup demo test test-kernel lint format bench bench-flora pack clean

.PHONY: all $(TARGETS)
all: build
$(TARGETS):
	@KERNEL="$(KERNEL)" sh scripts/make.sh $@
