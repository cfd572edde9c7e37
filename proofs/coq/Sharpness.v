(* T7, why nothing in it can be improved: the extremal sequence is the only one, R_infinity is the
   limit of R_t, b1^2 < b2 is needed for a uniform bound, and b2 > 0 for any bound. *)

From Coq Require Import Reals Lra Lia.
From Adamcheck Require Import Adam StepBound.
Open Scope R_scope.

(** No other sequence has m_t^2 = K_t v_t: each step's square in the certificate is 0. *)
Theorem extremal_unique : forall b1 b2 g t, rates b1 b2 -> (1 <= t)%nat ->
  (m b1 g t ^ 2 = K b1 b2 t * v b2 g t <-> extremal b1 b2 (g t) t g).
Proof.
  intros b1 b2 g t H Ht. split.
  - destruct t as [|n]; [lia|]. clear Ht. induction n as [|n IH]; intros E k Hk.
    + replace k with 0%nat by lia. simpl. ring.
    + pose proof (K_pos b1 b2 n H) as HK. assert (Hr := H). destruct H as [H1 H2].
      pose proof (moment_bound b1 b2 g (S n) Hr) as B.
      destruct (certificate_terms b1 b2 _ _ _ (g (S (S n))) Hr HK B) as [P Q].
      pose proof (certificate b1 b2 (K b1 b2 (S n)) (m b1 g (S n)) (v b2 g (S n)) (g (S (S n))))
        as C.
      cbv zeta in P, C. specialize (C ltac:(lra) ltac:(lra) ltac:(lra)).
      cbn [m v] in E. cbn [K] in E. cbn [m v K] in P, Q, B, C, HK.
      pose proof (K_step_pos b1 b2 _ Hr (Rlt_le _ _ HK)) as HK'.
      set (k1 := (1 - b1) ^ 2 / (1 - b2) + b1 ^ 2 / b2 * K b1 b2 n) in *.
      set (m1 := b1 * m b1 g n + (1 - b1) * g (S n)) in *.
      set (v1 := b2 * v b2 g n + (1 - b2) * g (S n) ^ 2) in *.
      set (k2 := (1 - b1) ^ 2 / (1 - b2) + b1 ^ 2 / b2 * k1) in *.
      assert (P0 : k2 * b2 * (v1 - m1 ^ 2 / k1) = 0) by lra.
      assert (Q0 : ((1 - b1) * b2 * m1 - b1 * (1 - b2) * k1 * g (S (S n))) ^ 2
                   / (k1 * (1 - b2) * b2) = 0) by lra.
      assert (E1 : m1 ^ 2 = k1 * v1).
      { apply Rmult_integral in P0. destruct P0 as [P0|P0].
        - exfalso. assert (0 < k2 * b2) by (apply Rmult_lt_0_compat; lra). lra.
        - replace v1 with (m1 ^ 2 / k1) by lra. field. lra. }
      assert (E2 : (1 - b1) * b2 * m1 = b1 * (1 - b2) * k1 * g (S (S n))).
      { apply Rmult_integral in Q0. destruct Q0 as [Q0|Q0].
        - apply Rminus_diag_uniq. replace 2%nat with (S 1) in Q0 by reflexivity.
          destruct (Req_dec ((1 - b1) * b2 * m1 - b1 * (1 - b2) * k1 * g (S (S n))) 0) as [Z|Z];
            [exact Z|]. exfalso. exact (pow_nonzero _ _ Z Q0).
        - exfalso. assert (0 < k1 * (1 - b2) * b2) by (apply Rmult_lt_0_compat; nra).
          apply (Rinv_neq_0_compat (k1 * (1 - b2) * b2)); lra. }
      assert (IHE := IH E1).
      assert (Ek : k1 = (1 - b1) ^ 2 / (1 - b2) * sum_below (pow (b1 ^ 2 / b2)) (S n))
        by exact (K_closed_form b1 b2 (S n)).
      assert (Em : m1 = (1 - b1) * g (S n) * sum_below (pow (b1 ^ 2 / b2)) (S n))
        by exact (m_extremal b1 b2 (g (S n)) g (S n) ltac:(lra) IHE).
      pose proof (geometric_pos (b1 ^ 2 / b2) n (q_nonneg b1 b2 Hr)) as HS.
      set (s := sum_below (pow (b1 ^ 2 / b2)) (S n)) in *.
      assert (E3 : g (S n) = b1 / b2 * g (S (S n))).
      { rewrite Em, Ek in E2.
        apply Rmult_eq_reg_l with ((1 - b1) ^ 2 * s * b2);
          [|apply Rgt_not_eq; repeat apply Rmult_lt_0_compat; nra].
        replace ((1 - b1) ^ 2 * s * b2 * g (S n))
          with ((1 - b1) * b2 * ((1 - b1) * g (S n) * s)) by ring.
        rewrite E2. field. lra. }
      destruct k as [|k].
      * replace (S (S n) - 0)%nat with (S (S n)) by lia. simpl. ring.
      * replace (S (S n) - S k)%nat with (S n - k)%nat by lia.
        rewrite (IHE k) by lia. rewrite E3. simpl. ring.
  - intros E. assert (Hr := H). destruct H as [H1 H2].
    rewrite (m_extremal b1 b2 (g t) g t), (v_extremal b1 b2 (g t) g t), K_closed_form
      by (assumption || lra).
    field. lra.
Qed.

Lemma Un_cv_pow_0 : forall q, 0 <= q < 1 -> Un_cv (pow q) 0.
Proof.
  intros q Hq e He. destruct (pow_lt_1_zero q) with (y := e) as [N HN];
    [rewrite Rabs_pos_eq; lra | assumption|].
  exists N. intros n Hn. unfold R_dist. rewrite Rminus_0_r. apply HN, Hn.
Qed.

Lemma Un_cv_const : forall c, Un_cv (fun _ => c) c.
Proof.
  intros c e He. exists 0%nat. intros. unfold R_dist.
  rewrite Rminus_diag_eq, Rabs_R0 by reflexivity. lra.
Qed.

Lemma Un_cv_from_1 : forall u w l,
  (forall t, (1 <= t)%nat -> u t = w t) -> Un_cv w l -> Un_cv u l.
Proof.
  intros u w l H C e He. destruct (C e He) as [N HN]. exists (S N). intros n Hn.
  rewrite H by lia. apply HN. lia.
Qed.

(** R_infinity is the limit of R_t, so no smaller constant serves every t. *)
Theorem R_converges : forall b1 b2,
  0 <= b1 < 1 -> 0 < b2 < 1 -> b1 ^ 2 < b2 -> Un_cv (R_of b1 b2) (R_inf b1 b2).
Proof.
  intros b1 b2 H1 H2 Hlt. assert (Hr : rates b1 b2) by (split; lra).
  pose proof (q_below_1 b1 b2 Hr Hlt) as Hq. pose proof (R_inf_sq_pos b1 b2 Hr Hlt) as HR.
  apply (continuity_seq sqrt (R_sq b1 b2)); [apply continuity_pt_sqrt; lra|].
  eapply Un_cv_from_1; [intros t Ht; apply R_sq_closed; assumption|].
  assert (one_minus : forall q, 0 <= q < 1 -> Un_cv (fun t => 1 - q ^ t) (1 - 0))
    by (intros q H; apply CV_minus; [apply Un_cv_const | apply Un_cv_pow_0, H]).
  generalize dependent (R_inf_sq b1 b2). intros l _.
  apply (eq_ind (l * ((1 - 0) * (1 - 0) * / (1 - 0) ^ 2)) (Un_cv _)); [|field].
  apply (CV_mult (fun _ => l)); [apply Un_cv_const|].
  apply (CV_mult (fun t => (1 - b2 ^ t) * (1 - (b1 ^ 2 / b2) ^ t)));
    [apply CV_mult; apply one_minus; lra|].
  apply (continuity_seq (fun x => / x ^ 2) (fun t => 1 - b1 ^ t)); [|apply one_minus; lra].
  apply continuity_pt_inv; [|lra].
  apply derivable_continuous_pt, derivable_pt_pow.
Qed.

Lemma naturals_unbounded : forall x, exists n, x < INR n.
Proof.
  intros x. exists (Z.abs_nat (up x)). rewrite INR_IZR_INZ, Zabs2Nat.id_abs, abs_IZR.
  pose proof (Rle_abs (IZR (up x))). destruct (archimed x). lra.
Qed.

(** Where b1^2 >= b2 there is no uniform bound at all. *)
Theorem no_uniform_bound : forall b1 b2 c,
  0 <= b1 < 1 -> 0 < b2 < 1 -> b2 <= b1 ^ 2 -> exists t, (1 <= t)%nat /\ c < R_of b1 b2 t.
Proof.
  intros b1 b2 c H1 H2 Hge.
  assert (Hq : 1 <= b1 ^ 2 / b2)
    by (apply Rmult_le_reg_r with b2; [lra|]; unfold Rdiv; rewrite Rmult_assoc, Rinv_l; lra).
  assert (Hs : forall t, INR t <= sum_below (pow (b1 ^ 2 / b2)) t).
  { induction t as [|n IH]; [simpl; lra|]. rewrite S_INR. cbn [sum_below].
    pose proof (pow_R1_Rle (b1 ^ 2 / b2) n Hq). lra. }
  destruct (naturals_unbounded (c ^ 2 / (1 - b1) ^ 2)) as [N HN]. exists (S N). split; [lia|].
  apply Rle_lt_trans with (sqrt (c ^ 2)).
  { replace (c ^ 2) with (Rsqr c) by (unfold Rsqr; ring). rewrite sqrt_Rsqr_abs. apply Rle_abs. }
  apply sqrt_lt_1_alt. split; [apply pow2_ge_0|].
  pose proof (pow_below_1 b1 (S N) H1 ltac:(lia)) as Hz.
  assert (Hy : (1 - b1) ^ 2 <= ((1 - b1) / (1 - b1 ^ S N)) ^ 2).
  { apply pow_incr. split; [lra|]. apply Rmult_le_reg_r with (1 - b1 ^ S N); [lra|].
    unfold Rdiv. rewrite Rmult_assoc, Rinv_l by lra. nra. }
  assert (Hx : 1 <= (1 - b2 ^ S N) / (1 - b2)).
  { apply Rmult_le_reg_r with (1 - b2); [lra|]. unfold Rdiv. rewrite Rmult_assoc, Rinv_l by lra.
    pose proof (pow_below_1 b2 (S N) ltac:(lra) ltac:(lia)).
    assert (b2 ^ S N <= b2); [|lra]. clear - H2. simpl.
    pose proof (pow_incr b2 1 N ltac:(lra)) as P. rewrite pow1 in P.
    pose proof (pow_le b2 N ltac:(lra)). nra. }
  assert (Hd : 0 < (1 - b1) ^ 2) by (apply pow_lt; lra).
  assert (Hc : c ^ 2 < (1 - b1) ^ 2 * INR N).
  { apply Rmult_lt_compat_l with (r := (1 - b1) ^ 2) in HN; [|assumption].
    replace ((1 - b1) ^ 2 * (c ^ 2 / (1 - b1) ^ 2)) with (c ^ 2) in HN by (field; lra). lra. }
  pose proof (Hs (S N)) as S1. rewrite S_INR in S1. pose proof (pos_INR N).
  unfold R_sq. apply Rlt_le_trans with ((1 - b1) ^ 2 * 1 * (INR N + 1)); [nra|].
  apply Rmult_le_compat; [nra|lra| |assumption].
  apply Rmult_le_compat; lra.
Qed.

(** b2 > 0 cannot be dropped: at b2 = 0 < b1 even the second step is unbounded. *)
Theorem beta2_zero_unbounded : forall b1 c, 0 < b1 < 1 ->
  exists g, c < Delta 1 b1 0 0 g 2.
Proof.
  intros b1 c Hb.
  set (x := (Rabs c + 1) * (1 - b1 ^ 2) / ((1 - b1) * b1)).
  exists (fun i => match i with 1%nat => x | _ => 1 end).
  unfold Delta, m_hat, v_hat. cbn [m v].
  replace ((0 * (0 * 0 + (1 - 0) * x ^ 2) + (1 - 0) * 1 ^ 2) / (1 - 0 ^ 2)) with 1 by field.
  rewrite sqrt_1.
  assert (0 < 1 - b1 ^ 2) by nra.
  replace (_ / (1 + 0)) with (Rabs c + 1 + (1 - b1) / (1 - b1 ^ 2)) by (unfold x; field; lra).
  pose proof (Rle_abs c). assert (0 < (1 - b1) / (1 - b1 ^ 2)) by (apply Rdiv_lt_0_compat; lra).
  lra.
Qed.

Print Assumptions extremal_unique.
Print Assumptions R_converges.
Print Assumptions no_uniform_bound.
Print Assumptions beta2_zero_unbounded.
