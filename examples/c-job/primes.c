/* Counts the primes of its share of the numbers below LIMIT: one share for each completion of the job. */
#include <stdio.h>
#include <stdlib.h>

static int is_prime(long number) {
    if (number < 2) return 0;
    for (long divisor = 2; divisor * divisor <= number; divisor++) {
        if (number % divisor == 0) return 0;
    }
    return 1;
}

static long number_from(const char *name, long otherwise) {
    const char *text = getenv(name);
    return text ? atol(text) : otherwise;
}

int main(void) {
    long index = number_from("JOB_COMPLETION_INDEX", 0);
    long shares = number_from("SHARES", 1);
    long limit = number_from("LIMIT", 100000);
    long first = limit * index / shares, end = limit * (index + 1) / shares, primes = 0;
    for (long number = first; number < end; number++) primes += is_prime(number);
    printf("%ld primes in [%ld, %ld)\n", primes, first, end);
    return 0;
}
