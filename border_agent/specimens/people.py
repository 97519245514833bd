"""The rendered people of the cast: their measures were searched so that the faces stand well apart.

The portraits of any two are at least 0.45 apart under dlib's network (see the tests). That says something of
these numbers and nothing of people.
"""

from __future__ import annotations

from border_agent.specimens.looks import Beard, Clothes, Hair, Look

# fmt: off
LOOKS: dict[str, Look] = {
    "traore": Look(
        seed=101, age=34, skin=(98, 63, 46), lips=(104, 60, 54), beard=Beard.GOATEE, clothes=Clothes.BOUBOU,
        cloth=(60, 92, 140), width=0.99, jaw=1.03, chin=0.94, length=0.95, forehead=1.05, cheekbones=0.87,
        fullness=0.64, brow_ridge=0.0, eye_width=0.55, eye_open=0.206, eye_depth=1.06, brow_height=0.55,
        brow_arch=0.22, brow_weight=1.25, brow_tilt=0.015, nose_width=0.74, nose_length=1.1,
        nose_height=0.75, nose_tip=0.91, mouth_y=2.26, upper_lip=0.19, lower_lip=0.2,
        hairline=2.26,
    ),
    "okonkwo": Look(
        seed=102, age=29, skin=(128, 84, 60), lips=(140, 66, 64), hair=Hair.BRAIDS, clothes=Clothes.PRINT,
        cloth=(190, 90, 30), trim=(30, 70, 110), earrings=True, width=0.91, jaw=0.99, chin=1.15, length=1.06,
        forehead=1.05, cheekbones=0.6, fullness=0.46, brow_ridge=0.12, eye_width=0.55, eye_open=0.173,
        eye_tilt=-0.0, eye_depth=1.39, brow_height=0.64, brow_arch=0.09, brow_weight=0.7, brow_tilt=-0.03,
        nose_width=0.82, nose_length=0.91, nose_height=0.89, nose_tip=0.7, mouth_width=0.72, upper_lip=0.29,
        lower_lip=0.38, smile=0.1, neck=0.82, shoulders=0.86, hairline=2.3,
    ),
    "mensah": Look(
        seed=103, age=45, skin=(74, 48, 38), lips=(92, 56, 52), hair=Hair.SHAVED, beard=Beard.MOUSTACHE,
        clothes=Clothes.JACKET, cloth=(40, 44, 56), width=0.97, jaw=1.09, chin=1.18, length=1.06,
        forehead=1.05, cheekbones=1.3, brow_ridge=0.2, eye_width=0.44, eye_open=0.14, eye_tilt=-0.05,
        eye_depth=1.4, brow_height=0.55, brow_arch=0.05, brow_weight=1.45, nose_width=0.46, nose_length=1.07,
        nose_height=1.25, nose_tip=0.7, mouth_y=2.15, mouth_width=0.93, upper_lip=0.21, lower_lip=0.2,
        hairline=2.11,
    ),
    "ramanathan": Look(
        seed=104, age=38, skin=(172, 124, 92), lips=(160, 84, 80), hair=Hair.LONG,
        clothes=Clothes.ROUND_NECK, cloth=(130, 40, 70), width=1.07, jaw=0.94, chin=0.8, length=1.03,
        forehead=0.95, cheekbones=0.6, fullness=0.56, brow_ridge=0.35, eye_width=0.44, eye_open=0.168,
        eye_tilt=0.08, eye_depth=1.4, brow_height=0.78, brow_arch=0.05, brow_weight=0.98, brow_tilt=0.015,
        nose_width=0.46, nose_length=1.1, nose_height=0.75, nose_tip=0.88, mouth_y=2.22, mouth_width=0.82,
        upper_lip=0.19, lower_lip=0.2, smile=0.1, neck=0.82, shoulders=0.85, hairline=1.95,
    ),
    "mukendi": Look(
        seed=105, age=56, skin=(90, 58, 44), lips=(100, 62, 56), hair=Hair.RECEDING,
        hair_colour=(74, 70, 68), beard=Beard.FULL, beard_colour=(120, 114, 110), clothes=Clothes.JACKET,
        cloth=(70, 66, 60), width=1.06, jaw=0.99, chin=1.18, length=1.05, forehead=1.01, cheekbones=1.5,
        fullness=0.24, brow_ridge=0.67, eye_width=0.44, eye_open=0.177, eye_tilt=-0.04, eye_depth=1.21,
        brow_height=0.78, brow_arch=0.04, nose_width=0.67, nose_length=0.96, nose_height=1.25, nose_tip=1.04,
        mouth_y=2.15, mouth_width=1.0, upper_lip=0.24, lower_lip=0.29, hairline=2.0,
    ),
    "ouedraogo": Look(
        seed=107, age=26, skin=(156, 110, 80), lips=(146, 86, 76), clothes=Clothes.ROUND_NECK,
        cloth=(70, 76, 84), width=0.93, jaw=0.87, chin=1.04, length=1.06, forehead=0.95, cheekbones=1.5,
        brow_ridge=0.34, eye_width=0.47, eye_open=0.147, eye_tilt=0.08, eye_depth=0.6, brow_height=0.55,
        brow_arch=0.04, brow_weight=1.45, brow_tilt=-0.03, nose_width=0.46, nose_length=0.94,
        nose_height=0.98, nose_tip=0.72, mouth_y=2.15, mouth_width=0.75, upper_lip=0.17, lower_lip=0.28,
        smile=0.1, hairline=2.39,
    ),
    "somebody": Look(
        seed=206, age=47, skin=(66, 43, 35), lips=(86, 52, 48), beard=Beard.FULL, cloth=(110, 60, 50),
        width=0.92, jaw=1.09, chin=1.09, length=1.05, cheekbones=1.26, fullness=1.0, brow_ridge=0.9,
        eye_width=0.46, eye_open=0.14, eye_tilt=-0.05, eye_depth=0.97, brow_height=0.67, brow_arch=0.04,
        brow_weight=1.18, brow_tilt=-0.03, nose_width=0.8, nose_length=1.04, nose_height=0.75, nose_tip=0.98,
        mouth_y=2.44, mouth_width=1.0, upper_lip=0.24, lower_lip=0.38, neck=1.12, hairline=2.37,
    ),
    "agbeko": Look(
        seed=108, age=41, skin=(128, 88, 64), lips=(128, 74, 64), beard=Beard.FULL,
        cloth=(206, 208, 204), width=0.98, jaw=1.04, chin=1.06, forehead=1.05, cheekbones=1.01,
        brow_ridge=0.17, eye_width=0.54, eye_open=0.14, eye_depth=1.07,
        brow_height=0.63, brow_arch=0.22, brow_weight=1.06, brow_tilt=0.015, nose_width=0.48,
        nose_length=1.1, nose_height=0.75, nose_tip=0.89, mouth_y=2.15, mouth_width=0.72, upper_lip=0.21,
        hairline=2.09,
    ),
    "sarr": Look(
        seed=110, age=36, skin=(120, 78, 56), lips=(132, 70, 66), hair=Hair.SCARF, clothes=Clothes.BOUBOU,
        cloth=(28, 88, 92), width=0.91, jaw=0.95, chin=1.18, length=1.06, forehead=0.98, cheekbones=1.5,
        fullness=0.28, brow_ridge=0.25, eye_width=0.44, eye_open=0.179, eye_tilt=0.08, eye_depth=0.6,
        brow_height=0.55, brow_arch=0.21, brow_weight=0.6, brow_tilt=0.01, nose_width=0.74, nose_length=0.96,
        nose_height=1.25, nose_tip=1.3, mouth_y=2.16, mouth_width=0.97, upper_lip=0.29, lower_lip=0.27,
        smile=0.12, neck=0.84, shoulders=0.88, hairline=2.4,
    ),
    "sarr-child": Look(
        seed=111, age=8, skin=(110, 72, 52), lips=(120, 66, 62), hair=Hair.PUFFS, clothes=Clothes.PRINT,
        cloth=(220, 180, 50), trim=(240, 236, 226), width=1.1, jaw=0.88, chin=0.8, length=0.9, forehead=1.05,
        cheekbones=1.36, fullness=0.9, brow_ridge=0.0, eye_width=0.55, eye_open=0.205, eye_tilt=-0.05,
        eye_depth=0.6, brow_height=0.55, brow_arch=0.22, brow_weight=1.38, brow_tilt=0.015, nose_width=0.46,
        nose_length=0.86, nose_height=0.7, nose_tip=0.72, mouth_y=2.0, mouth_width=0.76, upper_lip=0.12,
        lower_lip=0.2, smile=0.11, neck=0.66, shoulders=0.7, hairline=2.38,
    ),
    "ferreira": Look(
        seed=112, age=61, skin=(186, 140, 110), lips=(164, 100, 90), hair=Hair.RECEDING,
        hair_colour=(150, 146, 142), beard=Beard.MOUSTACHE, beard_colour=(140, 134, 128),
        cloth=(168, 186, 206), width=1.1, jaw=1.09, chin=0.8, length=0.95, forehead=1.01, cheekbones=1.08,
        fullness=0.8, brow_ridge=0.8, eye_width=0.44, eye_open=0.14, eye_tilt=-0.04, eye_depth=1.4,
        iris=(70, 60, 44), brow_height=0.7, brow_arch=0.04, brow_weight=1.45, brow_tilt=0.015,
        nose_width=0.46, nose_length=1.1, nose_height=1.25, nose_tip=1.3, mouth_y=2.44, upper_lip=0.29,
        lower_lip=0.29, smile=0.1, hairline=2.4,
    ),
    "nkoumou": Look(
        seed=113, age=31, skin=(92, 58, 44), lips=(126, 60, 60), hair=Hair.ROUND, clothes=Clothes.ROUND_NECK,
        cloth=(200, 190, 170), earrings=True, width=0.9, jaw=0.92, chin=0.94, length=1.06, forehead=0.95,
        cheekbones=1.12, brow_ridge=0.0, eye_width=0.45, eye_open=0.18, eye_tilt=0.08, eye_depth=0.6,
        brow_height=0.77, brow_arch=0.11, brow_weight=0.68, brow_tilt=0.01, nose_width=0.46, nose_length=0.9,
        nose_height=0.86, nose_tip=1.11, mouth_y=2.44, mouth_width=1.0, upper_lip=0.29, lower_lip=0.35,
        smile=0.13, neck=0.8, shoulders=0.86, hairline=2.4,
    ),
    "haroun": Look(
        seed=114, age=23, skin=(148, 104, 74), lips=(146, 78, 72), hair=Hair.VEIL, clothes=Clothes.ROUND_NECK,
        cloth=(150, 60, 90), trim=(226, 186, 96), width=0.9, jaw=0.86, chin=0.78, forehead=1.01,
        cheekbones=0.87, fullness=0.5, brow_ridge=0.05, eye_width=0.53, eye_open=0.18, eye_tilt=0.04,
        eye_depth=1.3, brow_height=0.78, brow_arch=0.2, brow_weight=0.66, brow_tilt=-0.01, nose_width=0.44,
        nose_length=0.9, nose_height=0.77, nose_tip=1.19, mouth_y=2.23, mouth_width=0.9, upper_lip=0.2,
        lower_lip=0.27, length=1.05, smile=0.13, neck=0.8, shoulders=0.84, hairline=2.31,
    ),
}
# fmt: on
