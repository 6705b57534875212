#include "infostrata/measures.h"

const ist_note ist_notes[] = {
    {"ties", "more than 0.1 % of the rows have another row at exactly the distance of their k-th "
             "neighbour; which of them counts is settled by the tie rule (`ties`)"},
    {"duplicates", "some rows of the source or target are exactly equal to an earlier row; their "
                   "distances are 0 and their order is settled by the tie rule"},
    {"parts-too-small", "no standard error: a tenth of the samples is fewer than 10 k, or a class "
                        "has too few samples in some part, too few for the estimator within the "
                        "random parts"},
    {"one-class", "all samples have the same label: there is nothing to tell about it"},
    {"small-classes", "some classes have k samples or fewer: their samples have fewer neighbours; "
                      "samples alone in their class are left out (left_out)"},
    {"above-ceiling", "the value lies above what perfectly separated classes give (ceiling)"},
    {"saturated", "the value is within 1 % of what perfectly separated classes give (ceiling): "
                  "it says that the classes are apart, not by how much"},
    {"zero-radius", "some samples have k others exactly at their place: their distance is 0 "
                    "(zero_radius: their share)"},
    {"high-dimension", "the two-NN dimension of the source, within the random parts, is above 10 "
                       "(dimension_source): nearest neighbours are hardly nearer than others, and "
                       "the estimate is far too small"},
    {"calibration", "of two normal layers that share 1 nat, with this N, this k and these two-NN "
                    "dimensions, the estimator finds more than 30 % too little or too much "
                    "(calibration: what it finds): other data may do better or worse"},
    {"coarse-bins", "of rmi and bound: most ranks lie within the first two bins, further down than "
                    "they show: rmi is too small and bound too large"},
    {"deterministic",
     "both layers are functions of one input (input.deterministic): their mutual "
     "information is infinite in theory; the number says how neighbourhoods agree, "
     "and depends on N and k"},
    {"depends-on-dimension",
     "sliced information of the same dependence falls with the number of features: compare layers "
     "of one width only, or differences within one network"},
    {"one-slice", "a single slice: nothing tells how much slices differ, so that there is no "
                  "standard error"},
    {"one-subset", "a single subset: nothing tells how much subsets differ, so that there is no "
                   "standard error"},
    {"narrow-kernel", "the kernel is so narrow that hardly two samples are alike: its entropy is "
                      "within 1 % of ln n, and so is the information; choose a larger bandwidth"},
    {"wide-kernel", "the kernel is so wide that all samples are alike: its entropy is below 1 % of "
                    "ln n; choose a smaller bandwidth"},
    {"clusters-only",
     "every entry of a layer's kernel is 0 or 1: to its width samples are equal or far apart, and "
     "the number is that of the groups of equal ones, however far these are from each other; "
     "choose a larger bandwidth if that is not what is asked"},
    {"width-of-unequal", "half of the pairs of samples, or more, are equal, so that their median "
                         "distance is 0: the width is the median distance of unequal samples"},
    {"no-entropy", "source or target has an entropy of 0: there is no normalised information"},
    {"ill-conditioned", "the kernel matrix has a condition above 1e10 (condition): half of the "
                        "digits of the values are lost, and they hang on what the smallest "
                        "eigenvalues are; a ridge would help (ridge_wanted)"},
    {"asymmetric", "the dumped kernel differs from its mirror image by more than 1e-6 of its "
                   "largest entry (asymmetry): the mean of both was taken"},
    {"row-order-unverified", "source and target come from different files that share neither "
                             "/sample_id nor a labels vector: that row i is the same sample in "
                             "both is taken on trust"},
};
const size_t ist_note_count = sizeof ist_notes / sizeof ist_notes[0];
