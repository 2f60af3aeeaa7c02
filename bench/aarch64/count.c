/* Counts how often each block of guest code is executed, as a TCG plugin of QEMU (interface 1).
 *
 *     qemu-aarch64 -plugin count.so,out=FILE PROGRAM
 *
 * At exit FILE has a line for each block: its address, its instructions, its executions. */

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))

/* What is used of qemu-plugin.h, which Debian does not package. */
typedef uint64_t qemu_plugin_id_t;
struct qemu_plugin_tb;
enum qemu_plugin_op { QEMU_PLUGIN_INLINE_ADD_U64 };
void qemu_plugin_register_vcpu_tb_trans_cb(
    qemu_plugin_id_t id, void (*callback)(qemu_plugin_id_t, struct qemu_plugin_tb *));
void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb *tb, enum qemu_plugin_op op,
                                              void *address, uint64_t operand);
void qemu_plugin_register_atexit_cb(qemu_plugin_id_t id, void (*callback)(qemu_plugin_id_t, void *),
                                    void *data);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *tb);

struct block {
    uint64_t address, instructions, executions;
    struct block *next;
};

static struct block *blocks;
static FILE *out;

/* A block that is translated again is another block of the same address. */
static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
    (void)id;
    struct block *block = malloc(sizeof *block);
    if (!block) {
        perror("count");
        exit(1);
    }
    *block = (struct block){qemu_plugin_tb_vaddr(tb), qemu_plugin_tb_n_insns(tb), 0, blocks};
    blocks = block;
    qemu_plugin_register_vcpu_tb_exec_inline(tb, QEMU_PLUGIN_INLINE_ADD_U64, &block->executions, 1);
}

static void finished(qemu_plugin_id_t id, void *data)
{
    (void)id;
    (void)data;
    for (const struct block *block = blocks; block; block = block->next)
        fprintf(out, "%" PRIu64 " %" PRIu64 " %" PRIu64 "\n", block->address, block->instructions,
                block->executions);
    if (fclose(out))
        perror("count");
}

EXPORT int qemu_plugin_version = 1;

EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const void *info, int count, char **options)
{
    (void)info;
    if (count != 1 || strncmp(options[0], "out=", 4)) {
        fputs("count: the one option is out=FILE\n", stderr);
        return 1;
    }
    out = fopen(options[0] + 4, "w");
    if (!out) {
        perror(options[0] + 4);
        return 1;
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    qemu_plugin_register_atexit_cb(id, finished, NULL);
    return 0;
}
