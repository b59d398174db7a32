/* The peer of the hashing benchmark: one thread opens, reads, hashes and closes one file after the other, as listed.
 *
 * usage: hash_plain DIRECTORY < LIST        (LIST: paths below DIRECTORY, one a line, sorted)
 * Prints the seconds taken, the number of files, and the SHA-256 of all digests in order, by which the peers are
 * compared. */
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static char buffer[65536];

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void fail(const char* what) {
    perror(what);
    exit(1);
}

/* The algorithm is fetched once and the context used again: the way to hash small files fast with OpenSSL 3. */
static void hash_file(const char* path, EVP_MD_CTX* context, EVP_MD* algorithm, unsigned char* digest) {
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) fail(path);
    EVP_DigestInit_ex2(context, algorithm, NULL);
    ssize_t got;
    while ((got = read(file, buffer, sizeof buffer)) > 0) EVP_DigestUpdate(context, buffer, (size_t)got);
    if (got < 0) fail(path);
    EVP_DigestFinal_ex(context, digest, NULL);
    close(file);
}

static char** read_list(size_t* count) {
    char** paths = NULL;
    size_t room = 0;
    char* line = NULL;
    size_t line_room = 0;
    ssize_t size;
    while ((size = getline(&line, &line_room, stdin)) > 0) {
        if (line[size - 1] == '\n') line[size - 1] = 0;
        if (*count == room) {
            room = room ? room * 2 : 1024;
            paths = realloc(paths, room * sizeof *paths);
            if (!paths) fail("realloc");
        }
        paths[(*count)++] = strdup(line);
    }
    free(line);
    return paths;
}

int main(int argc, char** argv) {
    if (argc != 2 || chdir(argv[1]) != 0) {
        fprintf(stderr, "usage: hash_plain DIRECTORY < LIST\n");
        return 2;
    }
    size_t count = 0;
    char** paths = read_list(&count);
    unsigned char(*digests)[32] = calloc(count + 1, sizeof *digests);
    EVP_MD* algorithm = EVP_MD_fetch(NULL, "SHA256", NULL);
    EVP_MD_CTX* context = EVP_MD_CTX_new();
    if (!digests || !algorithm || !context) fail("set-up");

    double start = now();
    for (size_t i = 0; i < count; i++) hash_file(paths[i], context, algorithm, digests[i]);
    double seconds = now() - start;

    unsigned char all[32];
    EVP_Digest(digests, count * sizeof *digests, all, NULL, algorithm, NULL);
    printf("%.4f %zu ", seconds, count);
    for (size_t i = 0; i < sizeof all; i++) printf("%02x", all[i]);
    printf("\n");
    return 0;
}
