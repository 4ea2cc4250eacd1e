module skep/bench/flora

go 1.19
