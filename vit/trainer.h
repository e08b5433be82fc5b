/* trainer.h - what a trainer holds. */
#ifndef VIT_TRAINER_H
#define VIT_TRAINER_H

#include "vit/gradients.h"
#include "vit/loss.h"
#include "vit/muon.h"
#include "vit/session.h"
#include "vit/train.h"

struct vit_trainer {
    struct vit_model *model;
    struct vit_hyper hyper;
    int batch, step;
    int *kept; /* (micro-batch, patches kept) or NULL: lent to the session */
    struct vit_session *session;
    struct vit_gradients *grads;
    struct vit_arena arena;
    float *values; /* the model's own arena, (floats) */
    size_t floats;
    float *mean, *square; /* (floats): AdamW's moments; mean is Muon's momentum */
    float *average;       /* (floats) or NULL: the averaged weights, or the trained ones while swapped */
    bool swapped;
    struct vit_muon muon;
    struct vit_muon_matrix *matrices; /* (matrix_count): what Muon updates */
    int matrix_count;
};

#endif
