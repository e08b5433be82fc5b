/* vit info: the machine, or a model. Each is one JSON object, printed as it is or as text. */
#include <jansson.h>
#include <stdlib.h>

#include "kernels/cpu.h"
#include "tools/info.h"
#include "tools/out.h"
#include "vit/json.h"

#define AT(field) offsetof(struct info_options, field)
static const struct args_option ROWS[] = {
    { .name = "model",
      .letter = 'm',
      .kind = ARGS_PATH,
      .at = AT(common.model),
      .metavar = "MODEL",
      .otherwise = "this machine",
      .help = "describe this one: a file, a folder or a builtin as in the other verbs" },
    { .name = "memory", .kind = ARGS_FLAG, .at = AT(memory), .help = "the memory plan of a session" },
    { .name = "batch",
      .letter = 'b',
      .kind = ARGS_INT,
      .at = AT(batch),
      .low = 1,
      .high = 65536,
      .metavar = "N",
      .otherwise = "1",
      .help = "pictures of that session" },
    { .name = "training", .kind = ARGS_FLAG, .at = AT(training), .help = "plan a session that trains" },
};
static const struct args_group OWN = { "Options", ROWS, VIT_COUNT(ROWS) };
static const struct args_group *const GROUPS[] = { &OWN, &cmd_norm_group, &cmd_modelless_group, NULL };

static json_t *kernels(const struct kern *chosen)
{
    json_t *runs = json_array(), *others = json_array();
    const struct kern_overlay *k;
    char needs[128];

    for (int i = 0; (k = kern_overlay(i)); i++) {
        if (k->available)
            vit_json_append(&runs, json_string(k->name));
        else
            vit_json_append(&others, json_pack("{s:s,s:s}", "name", k->name, "needs",
                                               kern_cpu_feature_names(k->needs, needs, sizeof needs)));
    }
    return json_pack("{s:s,s:o,s:o}", "chosen", chosen->name, "available", runs, "unavailable", others);
}

static json_t *openblas(void)
{
    if (!kern_blas_config()) return json_null();
    return json_pack("{s:o,s:s?,s:s?}", "config", out_text(kern_blas_config()), "core", kern_blas_core(),
                     "forced", getenv("OPENBLAS_CORETYPE"));
}

static json_t *presets(void)
{
    json_t *list = json_array();

    for (int i = 0; vit_config_preset_name(i); i++)
        vit_json_append(&list, json_string(vit_config_preset_name(i)));
    return list;
}

static int machine(const struct info_options *o)
{
    char cpu[256], features[256];
    struct kern chosen;
    json_t *all;
    int code = cmd_check(&o->common);

    if (code) return code;
    if (cmd_kernels(&chosen, &o->common, NULL)) return CMD_USAGE;
    if (getenv("OPENBLAS_CORETYPE"))
        cmd_warn(&o->common, "OPENBLAS_CORETYPE forces OpenBLAS to the kernels of \"%s\"",
                 getenv("OPENBLAS_CORETYPE"));
    all = json_pack("{s:s,s:o,s:s,s:i,s:o,s:o,s:s,s:o}", "version", vit_version(), "cpu",
                    out_text(kern_cpu_name(cpu, sizeof cpu)), "features",
                    kern_cpu_feature_names(kern_cpu_features(), features, sizeof features), "cores",
                    kern_cpu_cores(), "kernels", kernels(&chosen), "openblas", openblas(), "decoders",
                    patch_decoders(), "presets", presets());
    return info_print(all, o);
}

/* What is said of a model is nothing that a machine has. */
static int machine_alone(const struct info_options *o)
{
    const struct {
        const char *option;
        bool given;
    } of_models[] = {
        { "--memory", o->memory },
        { "--training", o->training },
        { "--batch", o->batch != 0 },
        { "--size", o->common.size != 0 },
        { "--dtype", cmd_dtype(&o->common) != KERN_F32 },
        { "--norm", o->common.norm != NULL },
        { "--final-norm", cmd_final_norm(&o->common) != 0 },
    };

    for (size_t i = 0; i < VIT_COUNT(of_models); i++)
        if (of_models[i].given)
            return cmd_usage("%s: expected a model (-m), found none", of_models[i].option);
    return machine(o);
}

static int run(const void *options, int count, char **operands)
{
    const struct info_options *o = options;

    if (count) return cmd_usage("expected no operands, found \"%s\"; a model is named with -m", operands[0]);
    if (!o->common.model) return machine_alone(o);
    if (!o->memory && (o->batch || o->training))
        return cmd_usage("%s: expected --memory, whose session it describes",
                         o->batch ? "--batch" : "--training");
    return info_model(o);
}

const struct args_verb cmd_info = {
    .name = "info",
    .operands = "",
    .summary = "Describe this machine, or a model with -m",
    .details =
        "Without -m: processor, kernels, OpenBLAS, decoders, presets. With -m: configuration, parameters, "
        "multiply-adds of one picture, recipe, what was inferred, the kernels its matrices are packed for, "
        "how many products have fixed scales for int8; -v adds every tensor and the names of more than 20 "
        "classes, --memory the pieces of a session's one allocation.",
    .groups = GROUPS,
    .bytes = sizeof(struct info_options),
    .run = run,
};
