/* state.safetensors of a training run: what the program reads before it opens anything, and what a trainer
 * takes over. */
#include <stdlib.h>

#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/models.h"
#include "tests/vit/tiny.h"
#include "tools/train.h"

static struct vit_model *model;
static struct vit_trainer *trainer;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    const struct vit_config c = fuzz_config();
    struct vit_hyper h = vit_hyper_default();
    struct vit_error err;

    (void)argc, (void)argv;
    h.steps = 10;
    model = tiny_model(&c, "ref");
    if (vit_trainer_create(&trainer, model, &h, 2, 1, &err)) abort();
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct train_saved saved;
    struct vit_error err;
    char *note;

    fuzz_write(fuzz_folder(), "state.safetensors", data, size);
    train_saved_read(&saved, fuzz_folder(), &err);
    train_saved_free(&saved);
    if (!vit_trainer_resume(trainer, fuzz_file(data, size), &note, &err)) free(note);
    return 0;
}
