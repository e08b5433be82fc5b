/* The networks inside the binary, byte for byte. They are bf16, which is copied into floats when one is opened;
 * aligned as a mapped file is, so that a network of floats would be used in place. */
#if VIT_BUILTIN
#if defined(__APPLE__)
#define SYMBOL(name) _##name
    .const
#else
#define SYMBOL(name) name
    .section .rodata
#endif

    .globl SYMBOL(weights_builtin_pre)
    .globl SYMBOL(weights_builtin_pre_end)
    .globl SYMBOL(weights_builtin_post)
    .globl SYMBOL(weights_builtin_post_end)

    .balign 64
SYMBOL(weights_builtin_pre):
    .incbin "weights/builtin/pre.safetensors"
SYMBOL(weights_builtin_pre_end):
    .byte 0

    .balign 64
SYMBOL(weights_builtin_post):
    .incbin "weights/builtin/post.safetensors"
SYMBOL(weights_builtin_post_end):
    .byte 0
#endif

#if defined(__linux__) && defined(__ELF__)
    .section .note.GNU-stack, "", @progbits
#endif
