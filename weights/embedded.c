/* The networks inside the binary, byte for byte. They are bf16, which is copied into floats when one is
 * opened; aligned as a mapped file is, so that a network of floats would be used in place.
 *
 * Assembly in a file of C, so that the compiler says of this object, too, what a linker wants to hear of all
 * or takes from the whole program: that its jumps are guarded (CET, BTI), that its stack runs no code. */
#if VIT_BUILTIN
#if defined(__APPLE__)
#define CONSTANTS    ".const\n"
#define BACK         ".text\n"
#define SYMBOL(name) "_" name
#else
#define CONSTANTS    ".pushsection .rodata\n"
#define BACK         ".popsection\n"
#define SYMBOL(name) name
#endif

#define LABEL(name) ".globl " SYMBOL(name) "\n" SYMBOL(name) ":\n"
#define NETWORK(name, file)                                                                                  \
    __asm__(CONSTANTS ".balign 64\n" LABEL(name) ".incbin \"" file "\"\n" LABEL(name "_end") ".byte 0\n" BACK)

NETWORK("weights_builtin_pre", "weights/builtin/pre.safetensors");
NETWORK("weights_builtin_post", "weights/builtin/post.safetensors");
#endif
